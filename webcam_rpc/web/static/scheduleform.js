// The form that makes a schedule or changes one.
//
// Times are those of the wall in the schedule's zone, as the service keeps them. What the service refuses is told at
// the field that it is about. Of a schedule that is changed only what is different is sent: a run that has begun, or a
// single time that is over, is none of the form's business otherwise.

import { DAYS, simple, weekly } from "./crons.js";
import { h, fill } from "./dom.js";
import { fault } from "./words.js";

const FORMATS = { "": "As configured", fmp4: "MP4, fragmented (fmp4)", mp4: "MP4, rewritten after the end", mkv: "Matroska (mkv)" };
const MISSED = { skip: "Let it be", record: "Record what is left of it" };
const SECONDS = { seconds: 1, minutes: 60, hours: 3600 };
let forms = 0;

export function scheduleForm(app, before, done) {
  const cameras = app.cameras.all();
  forms += 1;
  const id = (name) => `schedule-${forms}-${name}`;
  const fields = new Map();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const was = before?.cron ? simple(before.cron) : null;
  const kindBefore = before ? (before.start_time ? "once" : was ? "weekly" : "cron") : "once";

  const field = (param, label, input, hint = null) => {
    const error = h("p", { class: "problem", id: id(`${param}-error`), role: "alert" });
    const about = hint ? h("p", { class: "hint", id: id(`${param}-hint`) }, hint) : null;
    input.id = id(param);
    input.setAttribute("aria-describedby", [about?.id, error.id].filter(Boolean).join(" "));
    fields.set(param, { input, error });
    return h("div", { class: "field" }, h("label", { for: input.id }, label), input, about, error);
  };
  const select = (options, value) => {
    const made = h("select", {}, ...Object.entries(options).map(([key, words]) => h("option", { value: key }, words)));
    made.value = value;
    return made;
  };

  const known = Object.fromEntries(cameras.map((camera) => [camera.camera_id, app.cameras.name(camera.camera_id)]));
  if (before && !(before.camera_id in known)) known[before.camera_id] = before.camera_id;
  const device = select(known, before?.camera_id ?? cameras[0]?.camera_id ?? "");
  const name = h("input", { type: "text", maxlength: "64", autocomplete: "off", value: before?.name ?? "" });

  const { amount, unit } = inUnits(before?.duration ?? 1800);
  const duration = h("input", { type: "number", min: "1", step: "any", required: true, value: String(amount) });
  const units = select({ seconds: "seconds", minutes: "minutes", hours: "hours" }, unit);
  units.setAttribute("aria-label", "Unit of the length");

  const start = h("input", { type: "datetime-local", value: before?.start_time ? local(before.start_time, before.timezone) : soon() });
  const at = h("input", { type: "time", value: was?.time ?? "22:30" });
  const days = DAYS.map((day) => {
    const box = h("input", { type: "checkbox", value: day });
    box.checked = was ? was.days.includes(day) : true;
    return box;
  });
  const cron = h("input", { type: "text", maxlength: "200", autocomplete: "off", spellcheck: "false", value: before?.cron ?? "30 22 * * *" });
  const zones = h("datalist", { id: id("zones") }, ...(Intl.supportedValuesOf?.("timeZone") ?? [own]).map((zone) => h("option", { value: zone })));
  const timezone = h("input", { type: "text", list: zones.id, required: true, autocomplete: "off", spellcheck: "false", value: before?.timezone ?? own });
  const until = h("input", { type: "datetime-local", value: before?.until ? local(before.until, before.timezone) : "" });
  const format = select(FORMATS, before?.format ?? "");
  const missed = select(MISSED, before?.missed_run ?? "skip");

  const kinds = {
    once: h("div", {}, field("start_time", "Begins at", start)),
    weekly: h(
      "div",
      {},
      h("div", { class: "field" }, h("label", { for: id("at") }, "Begins at"), at),
      h("fieldset", { class: "days" }, h("legend", {}, "On"), ...days.map((box) => h("label", {}, box, box.value))),
    ),
    cron: h("div", {}, field("cron", "Cron expression", cron, "Minute, hour, day of month, month, day of week: 30 22 * * MON-FRI")),
  };
  at.id = id("at");
  const radios = Object.entries({ once: "Once", weekly: "Every week or day", cron: "By cron" }).map(([kind_, words]) => {
    const radio = h("input", { type: "radio", name: id("kind"), value: kind_ });
    radio.checked = kind_ === kindBefore;
    radio.addEventListener("change", () => shown());
    return { radio, label: h("label", {}, radio, words) };
  });
  const kind = () => radios.find(({ radio }) => radio.checked).radio.value;
  const untilField = field("until", "Until", until, "What begins before it is recorded whole. Empty: for good.");
  const shown = () => {
    for (const [name_, place] of Object.entries(kinds)) place.hidden = name_ !== kind();
    untilField.hidden = kind() === "once";
  };

  const failed = h("div", { role: "alert" });
  const values = () => {
    const chosen = days.filter((box) => box.checked).map((box) => box.value);
    if (kind() === "weekly" && !chosen.length) throw new Problem("weekly", "Choose a day.");
    if (kind() === "weekly" && !at.value) throw new Problem("weekly", "Choose a time.");
    if (kind() === "once" && !start.value) throw new Problem("start_time", "Choose a time.");
    return {
      device: device.value,
      duration: Math.round(Number(duration.value) * SECONDS[units.value] * 1000) / 1000,
      start_time: kind() === "once" ? whole(start.value) : null,
      cron: kind() === "once" ? null : kind() === "weekly" ? weekly(at.value, chosen) : cron.value.trim(),
      timezone: timezone.value.trim(),
      until: kind() !== "once" && until.value ? whole(until.value) : null,
      name: name.value.trim() || null,
      format: format.value || null,
      missed_run: missed.value,
    };
  };
  const complain = (param, words) => {
    const field_ = fields.get(param);
    if (!field_ || field_.input.closest("[hidden]")) {
      fill(failed, h("p", { class: "problem" }, words));
      return;
    }
    field_.error.textContent = words;
    field_.input.setAttribute("aria-invalid", "true");
    field_.input.focus();
  };
  const send = async () => {
    fill(failed);
    for (const { input, error } of fields.values()) {
      error.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    try {
      const wanted = values();
      if (before) {
        const changes = different(before, wanted);
        if (Object.keys(changes).length) await app.call("update_schedule", { schedule_id: before.schedule_id, ...changes });
      } else {
        await app.call("schedule_recording", wanted);
      }
      opened.close();
      done();
    } catch (error) {
      if (error instanceof Problem) complain(error.param, error.message);
      else if (error?.code === -32602 && error.data?.param) complain(error.data.param.split(/[.[]/)[0], error.data.hint ?? error.message);
      else {
        fill(failed, h("p", { class: "problem" }, fault(error)));
      }
    }
  };

  const submit = h("button", { type: "submit", class: "primary" }, before ? "Save" : "Make schedule");
  const form = h(
    "form",
    { class: "form", novalidate: true },
    field("device", "Camera", device),
    field("name", "Name", name, "Optional."),
    h("fieldset", {}, h("legend", {}, "When"), h("div", { class: "choices" }, ...radios.map(({ label }) => label)), ...Object.values(kinds)),
    field("timezone", "Time zone", timezone, "Times are those of a clock on the wall there."),
    zones,
    untilField,
    field("duration", "Length", duration),
    field("missed_run", "If its begin is missed", missed),
    field("format", "File", format),
    failed,
    h("div", { class: "acts" }, h("button", { type: "button", onclick: () => opened.close() }, "Back"), submit),
  );
  fields.get("duration").input.after(units);
  fields.get("duration").input.parentElement.classList.add("with-unit");
  shown();
  let sending = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    submit.setAttribute("aria-disabled", "true");
    await send();
    sending = false;
    submit.removeAttribute("aria-disabled");
  });
  const opened = app.show(before ? "Change schedule" : "New schedule", form);
  device.focus();
}

class Problem extends Error {
  constructor(param, words) {
    super(words);
    this.param = param;
  }
}

/** What is to be changed. A time that only looks different (Z, fractions) is the same time. */
function different(before, wanted) {
  const changes = {};
  for (const [name, value] of Object.entries(wanted)) {
    const old = name === "device" ? before.camera_id : before[name];
    if (value === old) continue;
    const moment = name === "start_time" || name === "until";
    if (moment && value && old && local(old, before.timezone) === value && wanted.timezone === before.timezone) continue;
    changes[name] = value;
  }
  // One takes the other's place by itself.
  if (changes.cron === null && changes.start_time) delete changes.cron;
  if (changes.start_time === null && changes.cron) delete changes.start_time;
  return changes;
}

function inUnits(seconds) {
  for (const [unit, factor] of [["hours", 3600], ["minutes", 60]])
    if (seconds >= factor && seconds % factor === 0) return { amount: seconds / factor, unit };
  return { amount: seconds, unit: "seconds" };
}

/** A time as it is kept, as a field for local time shows it: in `zone`. */
function local(text, zone) {
  if (!/(Z|[+-]\d\d:\d\d)$/i.test(text)) return whole(text.replace(" ", "T").replace(/\.\d+$/, ""));
  try {
    const parts = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).format(new Date(text));
    return parts.replace(" ", "T");
  } catch {
    return "";
  }
}

/** A local time with its seconds. */
function whole(text) {
  return text.length === 16 ? `${text}:00` : text;
}

/** The next whole quarter of an hour here. */
function soon() {
  const moment = new Date(Math.ceil((Date.now() + 60000) / 900000) * 900000);
  return local(moment.toISOString(), Intl.DateTimeFormat().resolvedOptions().timeZone);
}
