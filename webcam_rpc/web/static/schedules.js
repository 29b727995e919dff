// The view of schedules: what is recorded when, how the last run went, and the form that makes or changes one.

import { words as cronWords } from "./crons.js";
import { h, fill, icon, text } from "./dom.js";
import { facts, looking, settle, time } from "./listing.js";
import { busy, nothing, waiting, wrong } from "./parts.js";
import { scheduleForm } from "./scheduleform.js";
import { distance, ending, moment, span } from "./words.js";

const PAGE = 100;
const NOT_FOUND = -32010;
const STATES = { SCHEDULED: ["waits", "good"], RUNNING: ["records now", "bad"], DISABLED: ["off", "idle"], EXPIRED: ["over", "idle"] };
const OUTCOMES = { RUNNING: "goes on", FINISHED: "recorded", MISSED: "missed", FAILED: "failed" };

export function view(app) {
  const state = h("div", {}, waiting());
  const list = h("ul", { class: "rows schedules" });
  const rows = new WeakMap();
  const add = h("button", { type: "button", class: "primary", onclick: () => scheduleForm(app, null, look.now) }, icon("plus"), "New schedule");
  const parts = { add, again: () => look.now() };
  const draw = (schedules) => {
    settle(
      list,
      schedules,
      (one) => one.schedule_id,
      (one) => {
        const made = row(app, one, parts);
        rows.set(made.element, made);
        return made.element;
      },
      (element, one) => rows.get(element).update(one),
    );
    const empty = { icon: "clock", title: "There are no schedules", text: "A schedule records by itself, once or again and again." };
    fill(state, schedules.length === 0 && nothing(empty));
  };
  const failed = (error) => {
    if (error.code == null && list.children.length) return;
    fill(list);
    fill(state, wrong(error, () => look.now()));
  };
  // Now and then again for the times that are told as distances.
  const look = looking(app, () => all(app), draw, failed, { every: 30000 });
  app.on("schedule_status_update", look.again);
  app.onstop(app.cameras.on(look.again));
  const tools = app.can("operator") ? add : h("p", { class: "hint" }, "To add or change schedules you need the role operator.");
  return h("section", { class: "library" }, h("h1", {}, "Schedules"), h("div", { class: "tools" }, tools), state, list);
}

/** All schedules: one answer has at most a hundred. */
async function all(app) {
  const found = [];
  for (;;) {
    const page = await app.call("list_schedules", { limit: PAGE, offset: found.length });
    found.push(...page.schedules);
    if (page.schedules.length === 0 || found.length >= page.total) return found;
  }
}

function row(app, first, { add, again }) {
  let now = first;
  const name = h("span", { class: "name" });
  const badge = h("span", {});
  const about = h("span", { class: "meta" });
  const runs = h("div", {});
  const box = h("input", { type: "checkbox", role: "switch", class: "switch" });
  const enabled = h("label", { class: "check" }, box, "On");
  box.addEventListener("change", async () => {
    try {
      update(await app.call("update_schedule", { schedule_id: now.schedule_id, enabled: box.checked }));
    } catch (error) {
      box.checked = now.enabled;
      if (!app.signal.aborted) app.fail(error);
    } finally {
      again();
    }
  });
  const edit = h("button", { type: "button", onclick: () => scheduleForm(app, now, again) }, icon("edit"), "Change");
  const remove = busy(app, { class: "danger" }, [icon("trash"), "Cancel"], async () => {
    const what = now.state === "RUNNING" ? "is forgotten, and the recording that goes on is ended" : "is forgotten";
    const question = { title: "Cancel this schedule?", text: `“${label(now)}” ${what}. Files that it recorded stay.` };
    if (!(await app.ask({ ...question, action: "Cancel the schedule", danger: true }))) return;
    try {
      await app.call("cancel_schedule", { schedule_id: now.schedule_id });
    } catch (error) {
      // Somebody else was quicker.
      if (error.code !== NOT_FOUND) throw error;
    }
    element.remove();
    add.focus();
    again();
  });
  const update = (fresh) => {
    now = fresh;
    const called = label(fresh);
    const [words, kind] = STATES[fresh.state] ?? [fresh.state, ""];
    text(name, called);
    text(badge, words);
    badge.className = `status ${kind}`;
    box.checked = fresh.enabled;
    box.setAttribute("aria-label", `On: ${called}`);
    edit.setAttribute("aria-label", `Change ${called}`);
    remove.setAttribute("aria-label", `Cancel ${called}`);
    const again_ = fresh.cron ? cronWords(fresh.cron) : "once";
    fill(
      about,
      h("span", {}, app.cameras.name(fresh.camera_id)),
      fresh.device === null && h("span", { class: "status warn" }, "camera not seen yet"),
      h("span", {}, `for ${span(fresh.duration)}`),
      h("span", {}, called === again_ ? fresh.timezone : `${again_}, ${fresh.timezone}`),
    );
    fill(
      runs,
      facts([
        ["Next run", fresh.next_run ? time(fresh.next_run, `${moment(fresh.next_run)} (${distance(fresh.next_run)})`) : "none"],
        ["After that", fresh.next_runs.length > 1 ? fresh.next_runs.slice(1, 3).map(moment).join("; ") : null],
        ["Until", fresh.until && `${fresh.until.replace("T", " ")}`],
        ["Last run", fresh.last_run && lastRun(fresh.last_run)],
      ]),
    );
  };
  const element = h(
    "li",
    {},
    h("div", { class: "what" }, name, badge, about, runs),
    app.can("operator") && h("div", { class: "acts" }, enabled, edit, remove),
  );
  update(first);
  return { element, update };
}

function label(schedule) {
  return schedule.name ?? (schedule.cron ? cronWords(schedule.cron) : "once");
}

/** How a run went, with links to what it recorded. */
function lastRun(run) {
  const how = `${moment(run.start_time)}, ${OUTCOMES[run.outcome] ?? run.outcome}${run.reason ? `: ${ending(run.reason)}` : ""}`;
  const files = run.files.slice(-3).map((file) => [" ", h("a", { href: `#/recordings/${encodeURIComponent(file)}` }, file)]);
  return h("span", {}, how, files);
}
