// The log of events: what has happened since the page was opened, a while before, and while the connection was lost.

import { h, fill, icon, text } from "./dom.js";
import { nothing } from "./parts.js";
import { bytes, clock, moment, title } from "./words.js";

/** No more rows than somebody reads. */
const MOST = 300;

const KINDS = {
  camera_status_update: "Cameras",
  camera_control_update: "Controls",
  recording_status_update: "Recordings",
  snapshot_status_update: "Snapshots",
  schedule_status_update: "Schedules",
  storage_status_update: "Storage",
  system_health_update: "Health",
  connection: "Connection",
};

export function view(app) {
  const count = h("p", { class: "hint", role: "status" });
  const rows = h("tbody", {});
  const table = h(
    "table",
    { class: "events" },
    h("caption", { class: "unseen" }, "Events, the newest first"),
    h("thead", {}, h("tr", {}, ...["Time", "What", "Camera", "When told"].map((name) => h("th", { scope: "col" }, name)))),
    rows,
  );
  const place = h("div", { class: "scroll" });
  const kind = h(
    "select",
    { id: "event-kind", onchange: show },
    h("option", { value: "" }, "All kinds"),
    Object.entries(KINDS).map(([topic, name]) => h("option", { value: topic }, name)),
  );
  const camera = h("select", { id: "event-camera", onchange: show });
  const options = () => {
    const chosen = camera.value;
    fill(
      camera,
      h("option", { value: "" }, "All cameras"),
      app.cameras.all().map(({ camera_id }) => h("option", { value: camera_id }, app.cameras.name(camera_id))),
    );
    camera.value = app.cameras.get(chosen) ? chosen : "";
  };

  const wanted = ({ topic, params }) =>
    (!kind.value || topic === kind.value) && (!camera.value || params.camera_id === camera.value);

  function show() {
    const found = app.log.filter(wanted).slice(-MOST).reverse();
    fill(rows, found.map((event) => row(app, event)));
    fill(
      place,
      found.length
        ? table
        : nothing({ icon: "clock", title: "Nothing has happened yet", text: "Events appear here by themselves." }),
    );
    tell(found.length);
  }

  function tell(number) {
    text(count, number ? `${number} ${number === 1 ? "event" : "events"}, the newest first` : "");
  }

  function add() {
    const event = app.log[app.log.length - 1];
    if (!event || !wanted(event)) return;
    if (!table.isConnected) return show();
    rows.prepend(row(app, event));
    while (rows.children.length > MOST) rows.lastElementChild.remove();
    tell(rows.children.length);
  }

  options();
  app.onstop(app.cameras.on(options));
  app.on("event", add);
  app.on("resumed", ({ first }) => first || add());
  show();
  return h(
    "section",
    {},
    h("h1", {}, "Events"),
    h(
      "div",
      { class: "tools" },
      h("span", { class: "choice" }, h("label", { for: "event-kind" }, "Kind"), kind),
      h("span", { class: "choice" }, h("label", { for: "event-camera" }, "Camera"), camera),
    ),
    count,
    place,
  );
}

function row(app, { topic, params, replayed }) {
  const [words, bad] = say(topic, params);
  return h(
    "tr",
    { class: bad ? "bad" : null },
    h("td", { class: "when" }, h("time", { datetime: params.timestamp }, moment(params.timestamp))),
    h("td", {}, bad && icon("alert"), bad && h("span", { class: "unseen" }, "Attention: "), words),
    h("td", {}, params.camera_id ? app.cameras.name(params.camera_id) : ""),
    h("td", {}, replayed && h("span", { class: "tag", title: "Told afterwards: it happened before the page was connected" }, "earlier")),
  );
}

const RECORDED = { STARTED: "Recording began", STOPPED: "Recording ended", ERROR: "Recording failed", FINALIZED: "File finished" };
const STORED = {
  OK: "There is room again",
  LOW: "Room is getting low",
  FULL: "There is no room left",
  BROKEN: "The storage cannot be used",
  CLEANED: "Old files were deleted",
};

/** Give an event in words, and whether it is something to look after. */
function say(topic, params) {
  const because = params.reason ? ` (${title(params.reason).toLowerCase()})` : "";
  switch (topic) {
    case "camera_status_update": {
      if (params.status === "ERROR") return [`Trouble at ${params.device}: ${params.reason ?? "unknown"}`, true];
      if (params.status === "DISCONNECTED") return [`Unplugged from ${params.device}`, false];
      const mode = params.resolution ? `, ${params.resolution}${params.fps ? ` at ${params.fps} fps` : ""}` : "";
      return [`Connected at ${params.device}${mode}`, false];
    }
    case "camera_control_update": {
      const values = Object.entries(params.controls ?? {}).map(([name, value]) => `${title(name)} ${value}`);
      return [`Set: ${values.join(", ")}`, false];
    }
    case "recording_status_update": {
      const file = params.filename ? `: ${params.filename}` : "";
      const length = params.status === "STARTED" ? "" : `, ${clock(params.duration)}`;
      const goes = params.continues ? "; it goes on in another file" : "";
      return [`${RECORDED[params.status] ?? params.status}${file}${length}${because}${goes}`, params.status === "ERROR"];
    }
    case "snapshot_status_update":
      return [`Snapshot taken: ${params.filename}, ${bytes(params.file_size)}`, false];
    case "schedule_status_update": {
      const bad = params.status === "FAILED" || params.status === "MISSED";
      return [`Schedule ${params.name || params.schedule_id}: ${params.status.toLowerCase()}${because}`, bad];
    }
    case "storage_status_update": {
      const bad = params.status !== "OK" && params.status !== "CLEANED";
      const room = params.available_space != null ? `, ${bytes(params.available_space)} left` : "";
      const cleaned = params.status === "CLEANED" ? `: ${params.files_deleted}, ${bytes(params.space_freed)}` : "";
      return [`${STORED[params.status] ?? params.status}${cleaned}${room}${because}`, bad];
    }
    case "system_health_update":
      return [`${title(params.component)} is ${params.status.toLowerCase()}: ${params.detail}`, params.status !== "HEALTHY"];
    case "connection":
      return params.lost
        ? ["Connected again. What happened meanwhile is not known any more: the service was started anew, or too much has happened since.", true]
        : [`Connected again; ${params.replayed} ${params.replayed === 1 ? "event was" : "events were"} missed and told afterwards.`, false];
    default:
      return [title(topic), false];
  }
}
