// The view of health: how each part of the service is, what is wrong with cameras and what to do, figures of note.

import { h, fill, text } from "./dom.js";
import { facts, looking, notice } from "./listing.js";
import { waiting, wrong } from "./parts.js";
import { bytes, moment, span } from "./words.js";

const WORDS = { HEALTHY: "well", DEGRADED: "impaired", UNHEALTHY: "not working" };
const KINDS = { HEALTHY: "good", DEGRADED: "warn", UNHEALTHY: "bad" };
const WORST = ["UNHEALTHY", "DEGRADED", "HEALTHY"];
const SUMMARY = {
  HEALTHY: "All is well.",
  DEGRADED: "The service works, but something is wrong.",
  UNHEALTHY: "Something does not work.",
};

export function view(app) {
  const state = h("div", {}, waiting());
  const summary = h("p", { role: "status" });
  const about = h("div", {});
  const remedies = h("div", {});
  const parts = h("ul", { class: "rows parts" });
  const figures = h("div", {});
  const body = h("div", { hidden: true }, summary, remedies, h("h2", {}, "Parts"), parts, h("h2", {}, "Figures"), figures, h("h2", {}, "This service"), about);

  const fetch = async () => {
    const calls = [app.call("get_status"), app.call("get_server_info"), app.call("get_metrics"), troubles(app)];
    return Promise.all(calls);
  };
  const draw = ([status, info, metrics, ill]) => {
    fill(state);
    body.hidden = false;
    // A live region speaks when it changes, so it changes only when there is something to say.
    text(summary, SUMMARY[status.status] ?? status.status);
    summary.className = `notice ${KINDS[status.status]}`;
    fill(remedies, ill);
    const sorted = Object.entries(status.components).sort(
      ([one, a], [other, b]) => WORST.indexOf(a.status) - WORST.indexOf(b.status) || one.localeCompare(other),
    );
    fill(parts, sorted.map(([name, part]) => component(name, part)));
    fill(figures, ofNote(metrics, status.uptime));
    fill(
      about,
      facts([
        ["Version", info.version],
        ["Up for", span(status.uptime)],
        ["Since", moment(info.start_time)],
        ["Runs on", `Python ${info.python}, Twisted ${info.twisted}`],
      ]),
    );
  };
  const failed = (error) => {
    if (error.code == null && !body.hidden) return;
    body.hidden = true;
    fill(state, wrong(error, () => look.now()));
  };
  const look = looking(app, fetch, draw, failed, { every: 5000 });
  app.on("system_health_update", look.again);
  app.on("storage_status_update", look.again);
  app.onstop(app.cameras.on(look.again));
  return h("section", { class: "library" }, h("h1", {}, "Health"), state, body);
}

function component(name, part) {
  return h(
    "li",
    {},
    h("div", { class: "what" }, h("span", { class: "name" }, name), h("span", { class: "meta" }, readable(part.detail))),
    h("span", { class: `status ${KINDS[part.status] ?? ""}` }, WORDS[part.status] ?? part.status),
  );
}

/** Long counts of bytes as people read them. */
function readable(detail) {
  return detail.replace(/\b(\d{4,})(?: bytes\b|(?= have to stay free))/g, (_, count) => bytes(Number(count)));
}

/** What is wrong with each camera that has a trouble, and what to do about it. */
function troubles(app) {
  const ill = app.cameras.all().filter(({ status, reason }) => status === "ERROR" || (reason && status !== "DISCONNECTED"));
  return Promise.all(
    ill.map(async (camera) => {
      let checks = [];
      try {
        checks = (await app.call("diagnose_camera", { device: camera.camera_id })).checks.filter((check) => !check.ok);
      } catch {
        // Its reason is told even so.
      }
      const list = checks.map(({ check, detail, remedy }) =>
        h("li", {}, `${check}: ${detail}`, remedy && h("p", { class: "remedy" }, remedy)),
      );
      const words = `${app.cameras.name(camera.camera_id)} (${camera.device}): ${camera.reason ?? "does not work"}`;
      return notice(camera.status === "ERROR" ? "bad" : "warn", words, null, list.length > 0 && h("ul", {}, list));
    }),
  );
}

function ofNote({ metrics, values }, uptime) {
  const samples = metrics.flatMap((metric) => metric.samples);
  const sum = (name, only = () => true) =>
    samples.filter((one) => one.name === name && only(one.labels)).reduce((total, one) => total + one.value, 0);
  const failed = sum("webcam_calls_total", (labels) => labels.outcome === "internal_error");
  const frames = sum("webcam_frames_total");
  const worst = values.webcam_loop_lag_worst_seconds;
  const number = (value) => (value === undefined ? null : Math.round(value).toLocaleString());
  return facts([
    ["Clients connected", number(values.webcam_clients)],
    ["Streams watched", number(sum("webcam_connections", (labels) => labels.kind === "stream"))],
    ["Recordings that go on", number(values.webcam_recordings_active)],
    ["Pictures from cameras", `${number(frames)}, ${number(sum("webcam_frames_broken_total"))} broken`],
    ["Frames that recordings dropped", number(sum("webcam_frames_dropped_total"))],
    ["Captures that failed", number(sum("webcam_captures_total", (labels) => labels.event === "failed"))],
    ["Calls that failed inside", number(failed)],
    ["Clients too slow", number(values.webcam_clients_too_slow_total)],
    ["Wrong tokens", number(values.webcam_wrong_tokens_total)],
    ["Late at most, in the last 10 s", worst === undefined ? null : `${Math.round(worst * 1000)} ms`],
    ["Memory", values.webcam_resident_memory_bytes === undefined ? null : bytes(values.webcam_resident_memory_bytes)],
    ["Open descriptors", `${number(values.webcam_open_descriptors)} of ${number(values.webcam_descriptors_limit)}`],
    ["Processor", `${share(values.webcam_cpu_seconds_total, uptime)} of a core, without ffmpeg`],
  ]);
}

/** Seconds of computing as a share of one core, over the whole time. */
function share(seconds, uptime) {
  return seconds === undefined || !uptime ? "unknown" : `${((100 * seconds) / uptime).toFixed(1)} %`;
}
