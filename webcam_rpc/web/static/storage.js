// The view of storage: the room there is, what takes it, and which files go by themselves.

import { h } from "./dom.js";
import { ask, button, facts, failure, Looking, may, notice } from "./listing.js";
import { bytes, fault } from "./words.js";

export function view(app) {
  const state = h("div", {}, notice("loading", "Loading…"));
  const room = h("div", {});
  const kept = h("div", {});
  const told = h("div", { "aria-live": "polite" });
  const admin = may(app, "admin");
  const form = admin ? policyForm(app, told, () => looking.now()) : null;
  let broken = null;
  const look = async (current) => {
    try {
      const info = await app.call("get_storage_info");
      if (!current()) return;
      state.replaceChildren(...(broken ? [notice("error", `The media directory cannot be used: ${broken}.`)] : low(info)));
      room.replaceChildren(bar(info), figures(info));
      kept.replaceChildren(h("p", {}, policyWords(info.policy)));
      form?.show(info.policy);
    } catch (error) {
      if (current()) state.replaceChildren(failure(error, () => looking.now()));
    }
  };
  const looking = new Looking(look, { every: 20 });
  looking.now();
  const element = h(
    "section",
    { class: "view" },
    h("h2", {}, "Storage"),
    state,
    room,
    h("h3", {}, "What goes by itself"),
    kept,
    form?.element,
    told,
    admin ? cleaner(app, told, () => looking.now()) : h("p", { class: "meta" }, "To change it you need the role admin."),
  );
  const off = [
    app.on("storage_status_update", (update) => {
      broken = update.status === "BROKEN" ? (update.reason ?? "it is broken") : null;
      if (update.status === "CLEANED")
        told.replaceChildren(notice("note", `${update.files_deleted} files went, ${bytes(update.space_freed)} are free again.`));
      looking.again();
    }),
    app.on("recording_status_update", () => looking.again()),
    app.on("snapshot_status_update", () => looking.again()),
  ];
  element.stop = () => {
    looking.stop();
    for (const stop of off) stop();
  };
  return element;
}

function low(info) {
  if (!info.low_space_warning) return [];
  const over = info.available_space - info.floor;
  const text = over > 0 ? `Room is low: ${bytes(over)} are left above what stays free.` : "There is no room left: nothing new is recorded.";
  return [notice("error", text, "Delete recordings, or choose below which files go by themselves.")];
}

/** One bar of all the room. Its shares are in the list below too, for whoever cannot see it. */
function bar(info) {
  const others = Math.max(0, info.used_space - info.recordings_size - info.snapshots_size);
  const usable = Math.max(0, info.available_space - info.floor);
  const rest = Math.max(0, info.total_space - info.used_space - usable);
  const shares = [
    ["recordings", info.recordings_size],
    ["snapshots", info.snapshots_size],
    ["others", others],
    ["usable", usable],
    ["floor", rest],
  ];
  const made = h("div", { class: "share", role: "img", "aria-label": `${info.usage_percentage} % of the disk are in use` });
  for (const [name, taken] of shares) {
    const part = h("span", { class: name });
    part.style.flexGrow = String(info.total_space ? taken / info.total_space : 0);
    made.append(part);
  }
  return made;
}

function figures(info) {
  const others = Math.max(0, info.used_space - info.recordings_size - info.snapshots_size);
  const mark = (name) => h("span", { class: `key ${name}`, "aria-hidden": "true" });
  return facts([
    [h("span", {}, mark("recordings"), "Recordings"), bytes(info.recordings_size)],
    [h("span", {}, mark("snapshots"), "Snapshots"), bytes(info.snapshots_size)],
    [h("span", {}, mark("others"), "Everything else"), bytes(others)],
    [h("span", {}, mark("usable"), "Free for new files"), bytes(Math.max(0, info.available_space - info.floor))],
    [h("span", {}, mark("floor"), "Stays free"), bytes(Math.min(info.floor, info.available_space))],
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

function policyForm(app, told, done) {
  const kind = h(
    "select",
    { id: "policy-kind" },
    h("option", { value: "manual" }, "Nothing"),
    h("option", { value: "age" }, "What is too old"),
    h("option", { value: "size" }, "The oldest, when all take too much"),
  );
  const days = h("input", { id: "policy-days", type: "number", min: "0", step: "any" });
  const gigabytes = h("input", { id: "policy-size", type: "number", min: "0", step: "any" });
  const error = h("p", { class: "error", role: "alert" });
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
    { class: "policy", novalidate: "" },
    h("div", { class: "field" }, h("label", { for: kind.id }, "What goes by itself"), kind),
    fields.age,
    fields.size,
    error,
    h("div", { class: "actions" }, button("Save", () => {}, { type: "submit", class: "primary" })),
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
      told.replaceChildren(notice("note", "Saved."));
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

function cleaner(app, told, done) {
  const clean = () =>
    ask(
      "Clean up now?",
      "Files that the policy has no place for are deleted for good: with “Nothing”, those that are older than its days.",
      "Clean up",
      async () => {
        const { files_deleted: files, space_freed: freed } = await app.call("cleanup_old_files");
        told.replaceChildren(notice("note", files ? `${files} files went, ${bytes(freed)} are free again.` : "There was nothing to clean up."));
        done();
      },
    );
  return h("p", {}, button("Clean up now", clean, { class: "danger" }));
}
