// The view of schedules: what is recorded when, how the last run went, and the form that makes or changes one.

import { words as cronWords } from "./crons.js";
import { h } from "./dom.js";
import { ask, button, facts, failure, Looking, may, notice, settle, time } from "./listing.js";
import { scheduleForm } from "./scheduleform.js";
import { distance, ending, moment, span } from "./words.js";

const PAGE = 100;
const STATES = { SCHEDULED: "waits", RUNNING: "records now", DISABLED: "switched off", EXPIRED: "over" };
const OUTCOMES = { RUNNING: "goes on", FINISHED: "recorded", MISSED: "missed", FAILED: "failed" };

export function view(app) {
  const told = h("div", { "aria-live": "polite" });
  const state = h("div", {}, notice("loading", "Loading…"));
  const list = h("ul", { class: "rows schedules" });
  const rows = new WeakMap();
  let cameras = [];
  const names = new Map();

  const add = button("New schedule", () => scheduleForm(app, cameras, null, () => looking.now()), { class: "primary" });
  const look = async (current) => {
    try {
      const [known, schedules] = await Promise.all([app.call("get_camera_list"), all(app)]);
      if (!current()) return;
      cameras = known.cameras;
      names.clear();
      for (const camera of cameras) names.set(camera.camera_id, camera.alias ?? camera.name);
      settle(
        list,
        schedules,
        (one) => one.schedule_id,
        (one) => {
          const made = row(app, one, { names, told, again: () => looking.now(), cameras: () => cameras, home: () => add });
          rows.set(made.element, made);
          return made.element;
        },
        (element, one) => rows.get(element).update(one),
      );
      state.replaceChildren(
        ...(schedules.length ? [] : [notice("empty", "There are no schedules. One records by itself, once or again and again.")]),
      );
    } catch (error) {
      if (current()) state.replaceChildren(failure(error, () => looking.now()));
    }
  };
  // Every half minute, for the times that are told as distances.
  const looking = new Looking(look, { every: 30 });
  looking.now();

  const bar = h("div", { class: "bar" }, may(app, "operator") ? add : h("p", { class: "meta" }, "To add or change one you need the role operator."));
  const element = h("section", { class: "view" }, h("h2", {}, "Schedules"), bar, told, state, list);
  const off = [app.on("schedule_status_update", () => looking.again()), app.on("camera_status_update", () => looking.again())];
  element.stop = () => {
    looking.stop();
    for (const stop of off) stop();
  };
  return element;
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

function row(app, first, { names, told, again, cameras, home }) {
  let now = first;
  const operator = may(app, "operator");
  const name = h("span", { class: "name" });
  const badge = h("span", { class: "badge" });
  const where = h("span", { class: "meta" });
  const runs = h("div", {});
  const run = async (act) => {
    try {
      await act();
    } catch (error) {
      told.replaceChildren(failure(error));
    }
    again();
  };
  const enabled = h("button", { type: "button", role: "switch", class: "switch" }, "On");
  enabled.addEventListener("click", () =>
    run(() => app.call("update_schedule", { schedule_id: now.schedule_id, enabled: !now.enabled })),
  );
  const edit = button("Change", () => scheduleForm(app, cameras(), now, again));
  const remove = button(
    "Cancel schedule",
    () =>
      ask(
        "Cancel this schedule?",
        now.state === "RUNNING"
          ? `${label(now)} is forgotten, and the recording that goes on is ended. Its files stay.`
          : `${label(now)} is forgotten. Files that it recorded stay.`,
        "Cancel schedule",
        async () => {
          try {
            await app.call("cancel_schedule", { schedule_id: now.schedule_id });
          } catch (error) {
            if (error.code !== -32010) throw error;
          }
          element.remove();
          again();
        },
        home,
      ),
    { class: "danger" },
  );
  const update = (fresh) => {
    now = fresh;
    const called = label(fresh);
    name.textContent = called;
    badge.textContent = STATES[fresh.state] ?? fresh.state;
    badge.className = `badge ${fresh.state === "RUNNING" ? "live" : fresh.state === "SCHEDULED" ? "good" : ""}`;
    enabled.setAttribute("aria-checked", String(fresh.enabled));
    enabled.setAttribute("aria-label", `${called} is on`);
    edit.setAttribute("aria-label", `Change ${called}`);
    remove.setAttribute("aria-label", `Cancel ${called}`);
    where.replaceChildren(
      h("span", {}, names.get(fresh.camera_id) ?? fresh.camera_id),
      ...(fresh.device === null ? [h("span", { class: "badge warn" }, "camera not seen yet")] : []),
      h("span", {}, `for ${span(fresh.duration)}`),
      h("span", {}, fresh.cron ? `${cronWords(fresh.cron)}, ${fresh.timezone}` : `once, ${fresh.timezone}`),
    );
    runs.replaceChildren(
      facts([
        ["Next run", fresh.next_run ? time(fresh.next_run, `${moment(fresh.next_run)} (${distance(fresh.next_run)})`) : "none"],
        ["After that", fresh.next_runs.length > 1 ? fresh.next_runs.slice(1, 3).map(moment).join("; ") : null],
        ["Until", fresh.until ? fresh.until : null],
        ["Last run", fresh.last_run ? lastRun(fresh.last_run) : null],
      ]),
    );
  };
  const element = h(
    "li",
    {},
    h("div", { class: "what" }, name, badge, where, runs),
    operator ? h("div", { class: "actions" }, enabled, edit, remove) : null,
  );
  update(first);
  return { element, update };
}

function label(schedule) {
  return schedule.name ?? (schedule.cron ? cronWords(schedule.cron) : `once, ${moment(schedule.start_time)}`);
}

function lastRun(run) {
  const outcome = OUTCOMES[run.outcome] ?? String(run.outcome).toLowerCase();
  const why = run.reason ? `: ${ending(run.reason)}` : "";
  const files = run.files.length ? `, ${run.files.length === 1 ? run.files[0] : `${run.files.length} files`}` : "";
  return `${moment(run.start_time)}, ${outcome}${why}${files}`;
}
