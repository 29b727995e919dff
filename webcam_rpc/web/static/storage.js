// The view of storage: the room there is, what takes it, and which files go by themselves.

import { h, fill } from "./dom.js";
import { facts, looking, notice } from "./listing.js";
import { busy, waiting, wrong } from "./parts.js";
import { bytes, fault } from "./words.js";

export function view(app) {
  const state = h("div", {}, waiting());
  const room = h("div", {});
  const kept = h("p", {});
  const admin = app.can("admin");
  const form = admin ? policyForm(app, () => look.now()) : null;
  let broken = null;
  const draw = (info) => {
    fill(state, broken ? notice("bad", `The media directory cannot be used: ${broken}.`) : low(info));
    fill(room, bar(info), figures(info));
    fill(kept, policyWords(info.policy));
    form?.show(info.policy);
  };
  const failed = (error) => {
    if (error.code == null && room.children.length) return;
    fill(room);
    fill(state, wrong(error, () => look.now()));
  };
  const look = looking(app, () => app.call("get_storage_info"), draw, failed, { every: 20000 });
  app.on("storage_status_update", (update) => {
    broken = update.status === "BROKEN" ? (update.reason ?? "it is broken") : null;
    if (update.status === "CLEANED" && !update.replayed)
      app.say(`${update.files_deleted} files went; ${bytes(update.space_freed)} are free again.`);
    look.again();
  });
  app.on("recording_status_update", look.again);
  app.on("snapshot_status_update", look.again);
  return h(
    "section",
    { class: "library" },
    h("h1", {}, "Storage"),
    state,
    room,
    h("h2", {}, "What goes by itself"),
    kept,
    form?.element,
    admin ? cleaner(app, () => look.now()) : h("p", { class: "hint" }, "To change this you need the role admin."),
  );
}

function low(info) {
  if (!info.low_space_warning) return null;
  const over = info.available_space - info.floor;
  const words = over > 0 ? `Room is low: ${bytes(over)} are left above what stays free.` : "There is no room left: nothing new is recorded.";
  return notice("bad", words, "Delete recordings, or choose below which files go by themselves.");
}

/** The parts of the disk: name, class, bytes. What others may use and we may not is a part too (a quota, root's). */
function parts(info) {
  const floor = Math.min(info.floor, info.available_space);
  const ours = info.recordings_size + info.snapshots_size;
  return [
    ["Recordings", "recordings", info.recordings_size],
    ["Snapshots", "snapshots", info.snapshots_size],
    ["Everything else", "others", Math.max(0, info.used_space - ours)],
    ["Free for new files", "usable", info.available_space - floor],
    ["Stays free", "floor", floor],
    ["Not for this service", "barred", Math.max(0, info.total_space - info.used_space - info.available_space)],
  ].filter(([, kind, taken]) => taken || kind !== "barred");
}

/** One bar of all the room. Its parts are in the list below too, for whoever cannot see it. */
function bar(info) {
  const made = h("div", { class: "share", role: "img", "aria-label": `${info.usage_percentage} % of the disk are in use` });
  for (const [, kind, taken] of parts(info))
    made.append(h("span", { class: kind, style: { flexGrow: String(info.total_space ? taken / info.total_space : 0) } }));
  return made;
}

function figures(info) {
  const key = (kind) => h("span", { class: `key ${kind}`, "aria-hidden": "true" });
  return facts([
    ...parts(info).map(([name, kind, taken]) => {
      const short = kind === "floor" && taken < info.floor;
      return [h("span", {}, key(kind), name), short ? `${bytes(taken)} of ${bytes(info.floor)}` : bytes(taken)];
    }),
    ["The whole disk", `${bytes(info.total_space)}, ${info.usage_percentage} % in use`],
  ]);
}

function policyWords(policy) {
  const acts = policy.enabled && policy.policy_type !== "manual";
  if (!acts) return "Nothing: files stay until somebody deletes them.";
  const what =
    policy.policy_type === "age"
      ? `What is older than ${policy.max_age_days} days goes.`
      : `The oldest go until all take at most ${policy.max_size_gb} GB.`;
  return `${what} Where room gets low the oldest go too. Protected recordings stay.`;
}

function policyForm(app, done) {
  const kind = h(
    "select",
    { id: "policy-kind" },
    h("option", { value: "manual" }, "Nothing"),
    h("option", { value: "age" }, "What is too old"),
    h("option", { value: "size" }, "The oldest, when all take too much"),
  );
  const days = h("input", { id: "policy-days", type: "number", min: "0", step: "any" });
  const gigabytes = h("input", { id: "policy-size", type: "number", min: "0", step: "any" });
  const error = h("p", { class: "problem", role: "alert" });
  const fields = {
    age: h("div", { class: "field" }, h("label", { for: days.id }, "Days that files stay"), days),
    size: h("div", { class: "field" }, h("label", { for: gigabytes.id }, "GB that all may take"), gigabytes),
  };
  const shown = () => {
    for (const [name, place] of Object.entries(fields)) place.hidden = kind.value !== name;
  };
  kind.addEventListener("change", shown);
  const form = h(
    "form",
    { class: "form policy", novalidate: true },
    h("div", { class: "field" }, h("label", { for: kind.id }, "Delete by itself"), kind),
    fields.age,
    fields.size,
    error,
    h("div", { class: "acts" }, h("button", { type: "submit", class: "primary" }, "Save")),
  );
  // What somebody is just changing is not changed under their hands.
  let touched = false;
  form.addEventListener("input", () => {
    touched = true;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    const params = { policy_type: kind.value, enabled: kind.value !== "manual" };
    if (kind.value === "age") params.max_age_days = Number(days.value);
    if (kind.value === "size") params.max_size_gb = Number(gigabytes.value);
    try {
      await app.call("set_retention_policy", params);
      touched = false;
      app.say("Saved.");
      done();
    } catch (failed) {
      error.textContent = fault(failed);
    }
  });
  shown();
  return {
    element: form,
    show(policy) {
      if (touched) return;
      kind.value = policy.enabled ? policy.policy_type : "manual";
      days.value = String(policy.max_age_days);
      gigabytes.value = String(policy.max_size_gb);
      shown();
    },
  };
}

function cleaner(app, done) {
  const text = "Files that the policy has no place for are deleted for good; with “Nothing”, those that are older than its days.";
  const clean = busy(app, { class: "danger" }, "Clean up now", async () => {
    if (!(await app.ask({ title: "Clean up now?", text, action: "Clean up", danger: true }))) return;
    const { files_deleted: files } = await app.call("cleanup_old_files");
    // What went is told by its event.
    if (!files) app.say("There was nothing to clean up.");
    done();
  });
  return h("p", {}, clean);
}
