// The view of snapshots: pictures that were kept, to be looked at, downloaded and deleted.

import { h, here, fill } from "./dom.js";
import { Files } from "./files.js";
import { facts, notice, time } from "./listing.js";
import { bytes, moment } from "./words.js";

export function view(app) {
  const files = new Files(app, "snapshot", {
    row,
    show,
    empty: { icon: "camera", title: "No snapshot has been taken yet", text: "Take one at a camera." },
    listClass: "pictures",
  });
  app.on("snapshot_status_update", () => files.again());
  app.on("storage_status_update", () => files.again());
  const element = h("section", { class: "library" }, h("h1", {}, "Snapshots"), files.elements);
  element.turn = ([name]) => {
    if (name) files.open(name);
  };
  if (app.args.length) queueMicrotask(() => files.open(app.args[0]));
  return element;
}

function row(file, list) {
  const picture = h("img", { loading: "lazy", decoding: "async", alt: "", src: here(file.download_url) });
  const opener = h("button", { type: "button", class: "picture", onclick: () => list.open(file.filename) }, picture);
  picture.addEventListener("error", () => picture.replaceWith(h("span", { class: "hint" }, "not to be had")));
  const about = h("span", { class: "meta" });
  const update = (fresh) => {
    const taken = moment(fresh.modified_time);
    opener.setAttribute("aria-label", `Show ${fresh.filename}, ${list.camera(fresh.camera_id)}, ${taken}`);
    fill(
      about,
      h("span", {}, list.camera(fresh.camera_id)),
      time(fresh.modified_time, taken),
      h("span", {}, bytes(fresh.file_size)),
    );
  };
  const element = h(
    "li",
    {},
    opener,
    h("div", { class: "what" }, h("span", { class: "name" }, file.filename), about),
    h("div", { class: "acts" }, list.download(file), list.remover(file)),
  );
  return { element, update };
}

function show(info, place, list) {
  const picture = h("img", { class: "whole", alt: `Snapshot of ${info.camera.name}, ${moment(info.timestamp)}` });
  picture.addEventListener("error", async () => {
    const told = await list.missing(info.filename, () =>
      notice("bad", "The picture could not be loaded.", "Close this, and try again."),
    );
    if (picture.isConnected) picture.replaceWith(told);
  });
  picture.src = here(info.download_url);
  place.append(
    picture,
    facts([
      ["Camera", info.camera.name],
      ["Taken", moment(info.timestamp)],
      ["Picture", info.resolution],
      ["File", `${info.format}, ${bytes(info.file_size)}`],
      ["Quality", info.quality],
      ["SHA-256", info.sha256 && h("code", {}, info.sha256)],
    ]),
  );
  return null;
}
