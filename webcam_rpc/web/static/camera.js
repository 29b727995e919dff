// What one camera is shown with, in its card and on its own page: state, picture, facts, and what can be done with it.

import { h, fill, icon, text } from "./dom.js";
import { busy, sheet } from "./parts.js";
import { picture } from "./picture.js";
import { clock, fault, rate, span } from "./words.js";

const STATES = {
  CONNECTED: ["good", "Connected", "check"],
  DISCONNECTED: ["idle", "Unplugged", "unplug"],
  ERROR: ["bad", "Trouble", "alert"],
};
/** Who lives on a camera's pictures, in words. */
const KINDS = { stream: "watching", recording: "recording", snapshot: "snapshot", preroll: "kept warm" };

/** Say where a camera stands: a word and a colour, read out when it changes. */
function state() {
  const word = h("span", {});
  const place = h("span", {});
  const element = h("span", { class: "status", role: "status" }, place, word);
  let last = null;
  return {
    element,
    update(camera) {
      if (camera.status === last) return;
      last = camera.status;
      const [kind, words, name] = STATES[camera.status] ?? ["idle", camera.status, "info"];
      element.className = `status ${kind}`;
      fill(place, icon(name));
      text(word, words);
    },
  };
}

/** The figures: the mode that is set, the rate that is measured, how old the newest picture is, who watches. */
function facts() {
  const cells = {};
  const element = h("dl", { class: "facts" });
  for (const [key, name] of [["mode", "Mode"], ["fps", "Measured"], ["age", "Newest picture"], ["users", "In use by"]]) {
    cells[key] = h("dd", {}, "–");
    element.append(h("div", {}, h("dt", {}, name), cells[key]));
  }
  return {
    element,
    update(camera, status) {
      const connected = camera.status === "CONNECTED";
      const mode = camera.resolution?.replace("x", " × ") ?? "–";
      text(cells.mode, connected ? mode + (camera.fps ? `, ${rate(camera.fps)} fps` : "") : "–");
      const known = connected && status;
      text(cells.fps, known && status.measured_fps != null ? `${Number(status.measured_fps).toFixed(1)} fps` : "–");
      const age = known ? status.last_frame_age_ms : null;
      text(cells.age, age == null ? "–" : age < 1000 ? `${Math.round(age)} ms` : `${span(age / 1000)} ago`);
      const slow = known && camera.fps && status.measured_fps != null && status.measured_fps < 0.7 * camera.fps;
      cells.fps.classList.toggle("warn", Boolean(slow));
      cells.age.classList.toggle("warn", age != null && age > 3000 && used(status));
      text(cells.users, known ? users(status) : "–");
    },
  };
}

const used = (status) => Object.values(status.consumers ?? {}).some((count) => count > 0);

function users(status) {
  const parts = Object.entries(status.consumers ?? {})
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${KINDS[kind] ?? kind}`);
  return parts.join(", ") || "nobody";
}

/** What can be done: a snapshot, and a recording that is begun and stopped. */
function actions(app, camera, { card }) {
  let now = camera;
  let recording = null; // what get_recording_status says, with `since`: when its clock began here
  const time = h("span", { class: "clock" });
  const red = h("span", { class: "rec", hidden: true }, icon("record"), h("span", {}, "Recording "), time);
  const length =
    !card &&
    h(
      "select",
      { "aria-label": "How long to record" },
      [["", "until stopped"], [60, "for 1 minute"], [300, "for 5 minutes"], [900, "for 15 minutes"], [3600, "for 1 hour"]].map(
        ([value, words]) => h("option", { value }, words),
      ),
    );

  const names = [];
  /** Whose button it is, for those who do not see where it is. */
  function whose() {
    const name = h("span", { class: "unseen" });
    names.push(name);
    return name;
  }

  const snapshot = busy(app, { class: "action" }, [icon("camera"), "Snapshot", whose()], async () => {
    const taken = await app.call("take_snapshot", { device: now.camera_id });
    app.say(`Snapshot of ${app.cameras.name(now.camera_id)} taken:`, {
      link: { href: `#/snapshots/${encodeURIComponent(taken.filename)}`, text: taken.filename },
    });
  });
  const words = h("span", {}, "Record");
  const sign = h("span", { class: "sign" }, icon("record"));
  const record = busy(app, { class: "action" }, [sign, words, whose()], async () => {
    if (recording) {
      const stopped = await app.call("stop_recording", { device: now.camera_id });
      set(null);
      const file = stopped.files?.at(-1) ?? stopped.filename;
      app.say(`Recording of ${app.cameras.name(now.camera_id)} stopped after ${clock(stopped.duration)}:`, {
        link: file && { href: `#/recordings/${encodeURIComponent(file)}`, text: file },
      });
    } else {
      const asked = length && length.value ? { duration: Number(length.value) } : {};
      const started = await app.call("start_recording", { device: now.camera_id, ...asked });
      set({ state: "RECORDING", elapsed: 0, remaining: started.duration });
    }
  });

  function set(status) {
    const active = status && ["STARTING", "RECORDING", "WAITING", "STOPPING"].includes(status.state);
    const known = Boolean(recording);
    recording = active ? { ...status, since: performance.now() - status.elapsed * 1000 } : null;
    red.hidden = !active;
    if (known !== Boolean(active)) {
      text(words, active ? (card ? "Stop" : "Stop recording") : "Record");
      fill(sign, icon(active ? "stop" : "record"));
    }
    record.classList.toggle("recording", Boolean(active));
    allow();
    tick();
  }

  function tick() {
    if (!recording) return;
    if (recording.state === "WAITING") text(time, "waits for the camera");
    else {
      const elapsed = (performance.now() - recording.since) / 1000;
      const whole = recording.remaining != null ? (recording.elapsed ?? 0) + recording.remaining : null;
      text(time, whole ? `${clock(Math.min(elapsed, whole))} of ${clock(whole)}` : clock(elapsed));
    }
  }

  function allow() {
    const connected = now.status === "CONNECTED";
    snapshot.disabled = !connected;
    record.disabled = !connected && !recording;
    if (length) length.disabled = !connected || Boolean(recording);
  }

  const timer = setInterval(tick, 500);
  app.onstop(() => clearInterval(timer));
  const operates = app.can("operator");
  return {
    red,
    element: h("div", { class: "actions" }, operates && [snapshot, h("span", { class: "joined" }, record, length)]),
    set,
    get recording() {
      return recording;
    },
    update(changed) {
      now = changed;
      for (const name of names) text(name, ` ${now.alias || now.name}`);
      allow();
    },
  };
}

/** All of it; `update(camera)` takes over what is new, `status(result, recording)` what was asked. */
export function camera(app, first, { fps = null, card = false } = {}) {
  const parts = { state: state(), picture: picture(app, first, { fps, card }), facts: facts(), actions: actions(app, first, { card }) };
  parts.picture.element.append(parts.actions.red);
  let now = first;
  let status = null;
  const update = (changed) => {
    now = changed;
    if (now.status !== "CONNECTED") status = null;
    parts.state.update(now);
    parts.picture.update(now, status);
    parts.facts.update(now, status);
    parts.actions.update(now);
  };
  update(first);
  return {
    ...parts,
    id: first.camera_id,
    update,
    get now() {
      return now;
    },
    told(result, recording) {
      status = result;
      parts.actions.set(recording);
      parts.picture.update(now, status);
      parts.facts.update(now, status);
    },
  };
}

/** Ask how cameras stand, in one message. */
export async function ask(app, shown) {
  const here = shown.filter((one) => one.now.status === "CONNECTED" || one.actions.recording);
  if (!here.length) return;
  const calls = here.flatMap(({ id }) => [
    ["get_camera_status", { device: id }],
    ["get_recording_status", { device: id }],
  ]);
  const answers = await Promise.allSettled(app.batch(calls));
  here.forEach((one, place) => {
    const [status, recording] = answers.slice(2 * place, 2 * place + 2);
    // A camera that is not known any more has gone meanwhile: the notification tells.
    if (status.status !== "fulfilled" || recording.status !== "fulfilled") return;
    app.cameras.captured(status.value);
    one.told(status.value, recording.value);
  });
}

/** Ask for another name of a camera. */
export function rename(app, now) {
  const field = h("input", {
    id: "alias",
    value: now.alias ?? "",
    maxlength: 64,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "alias-hint alias-problem",
    autofocus: true,
  });
  const problem = h("p", { id: "alias-problem", class: "problem", role: "alert" });
  const form = h(
    "form",
    { class: "stack" },
    h("label", { for: "alias" }, "Name"),
    field,
    problem,
    h("p", { id: "alias-hint", class: "hint" }, `By this name it can be asked for too. Empty: as its maker calls it, ${now.name}.`),
    h("div", {}, h("button", { type: "submit", class: "primary" }, "Rename")),
  );
  const opened = sheet("Rename this camera", form);
  app.onstop(opened.close);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      app.cameras.put(await app.call("set_camera_alias", { device: now.camera_id, name: field.value.trim() }));
      opened.close();
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      text(problem, fault(error));
      field.focus();
    }
  });
}
