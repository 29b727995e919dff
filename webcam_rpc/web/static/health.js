// The view of health: how each part of the service is, what is wrong with cameras and what to do, figures of note.

import { h } from "./dom.js";
import { facts, failure, Looking, notice } from "./listing.js";
import { bytes, moment, span } from "./words.js";

const WORDS = { HEALTHY: "well", DEGRADED: "impaired", UNHEALTHY: "not working" };
const WORST = ["UNHEALTHY", "DEGRADED", "HEALTHY"];
const SUMMARY = {
  HEALTHY: "All is well.",
  DEGRADED: "The service works, but something is wrong.",
  UNHEALTHY: "Something does not work.",
};

export function view(app) {
  const state = h("div", {}, notice("loading", "Loading…"));
  const summary = h("p", { class: "summary", role: "status" });
  const about = h("div", {});
  const remedies = h("div", {});
  const parts = h("ul", { class: "rows parts" });
  const figures = h("div", {});
  let word = "";
  let asked = false;

  const look = async (current) => {
    try {
      const [status, info, list, metrics] = await Promise.all([
        app.call("get_status"),
        app.call("get_server_info"),
        app.call("get_camera_list"),
        app.call("get_metrics"),
      ]);
      const checks = await troubles(app, list.cameras);
      if (!current()) return;
      state.replaceChildren();
      // A live region speaks when it changes, so it changes only when there is something to say.
      if (word !== status.status) {
        word = status.status;
        summary.textContent = SUMMARY[word] ?? word;
        summary.className = `summary ${word.toLowerCase()}`;
      }
      about.replaceChildren(
        facts([
          ["Version", info.version],
          ["Up for", span(status.uptime)],
          ["Since", moment(info.start_time)],
          ["Runs on", `Python ${info.python}, Twisted ${info.twisted}`],
        ]),
      );
      remedies.replaceChildren(...checks);
      const sorted = Object.entries(status.components).sort(
        ([one, a], [other, b]) => WORST.indexOf(a.status) - WORST.indexOf(b.status) || one.localeCompare(other),
      );
      parts.replaceChildren(...sorted.map(([name, part]) => component(name, part)));
      figures.replaceChildren(ofNote(metrics, status.uptime));
      asked = true;
    } catch (error) {
      if (!current()) return;
      if (!asked || error.code === -32002) {
        for (const place of [about, remedies, parts, figures]) place.replaceChildren();
        summary.textContent = word = "";
      }
      state.replaceChildren(failure(error, () => looking.now()));
    }
  };
  const looking = new Looking(look, { every: 5 });
  looking.now();
  const element = h(
    "section",
    { class: "view" },
    h("h2", {}, "Health"),
    state,
    summary,
    remedies,
    h("h3", {}, "Parts"),
    parts,
    h("h3", {}, "Figures"),
    figures,
    h("h3", {}, "This service"),
    about,
  );
  const off = ["system_health_update", "camera_status_update", "storage_status_update"].map((name) =>
    app.on(name, () => looking.again()),
  );
  element.stop = () => {
    looking.stop();
    for (const stop of off) stop();
  };
  return element;
}

function component(name, part) {
  const kind = { HEALTHY: "good", DEGRADED: "warn", UNHEALTHY: "bad" }[part.status] ?? "";
  return h(
    "li",
    {},
    h("div", { class: "what" }, h("span", { class: "name" }, name), h("span", { class: "meta" }, readable(part.detail))),
    h("span", { class: `badge ${kind}` }, WORDS[part.status] ?? part.status),
  );
}

/** Long counts of bytes as people read them. */
function readable(detail) {
  return detail.replace(/\b(\d{4,}) bytes\b/g, (_, count) => bytes(Number(count)));
}

/** What is wrong with each camera that has a trouble, with what to do about it. */
async function troubles(app, cameras) {
  const ill = cameras.filter((camera) => camera.status === "ERROR" || (camera.reason && camera.status !== "DISCONNECTED"));
  return Promise.all(
    ill.map(async (camera) => {
      let checks = [];
      try {
        checks = (await app.call("diagnose_camera", { device: camera.camera_id })).checks.filter((check) => !check.ok);
      } catch {
        // Its reason is told even so.
      }
      return h(
        "div",
        { class: "notice error" },
        h("p", {}, `${camera.alias ?? camera.name} (${camera.device}): ${camera.reason ?? "does not work"}`),
        checks.length
          ? h("ul", {}, ...checks.map((check) => h("li", {}, `${check.check}: ${check.detail}`, check.remedy ? h("p", { class: "remedy" }, check.remedy) : null)))
          : null,
      );
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
