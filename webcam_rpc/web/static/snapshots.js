// The view of snapshots: pictures that were kept, to be looked at, downloaded and deleted.

import { h } from "./dom.js";
import { Files } from "./files.js";
import { facts, notice, time } from "./listing.js";
import { bytes, moment } from "./words.js";

export function view(app) {
  const files = new Files(app, "snapshot", {
    row: (file, list) => row(file, list),
    show: (info, place, list) => show(info, place, list),
    empty: "No snapshot has been taken yet. Take one at a camera.",
    listClass: "pictures",
  });
  const element = h("section", { class: "view" }, h("h2", {}, "Snapshots"), ...files.elements);
  const off = [
    app.on("snapshot_status_update", () => files.again()),
    app.on("storage_status_update", () => files.again()),
  ];
  element.stop = () => {
    files.stop();
    for (const stop of off) stop();
  };
  return element;
}

function row(file, list) {
  const picture = h("img", { loading: "lazy", decoding: "async", alt: "", src: file.download_url });
  const opener = h("button", { type: "button", class: "picture" }, picture);
  opener.addEventListener("click", () => list.open(file.filename));
  picture.addEventListener("error", () => picture.replaceWith(h("span", { class: "lost" }, "not to be had")));
  const where = h("span", { class: "meta" });
  const update = (fresh) => {
    const taken = moment(fresh.modified_time);
    opener.setAttribute("aria-label", `Show ${fresh.filename}, ${list.camera(fresh.camera_id)}, ${taken}`);
    where.replaceChildren(
      h("span", {}, list.camera(fresh.camera_id)),
      time(fresh.modified_time, taken),
      h("span", {}, bytes(fresh.file_size)),
    );
  };
  const element = h(
    "li",
    {},
    opener,
    h("div", { class: "what" }, h("span", { class: "name" }, file.filename), where),
    h("div", { class: "actions" }, list.download(file), list.remover(file)),
  );
  return { element, update };
}

function show(info, place, list) {
  const picture = h("img", { class: "whole", alt: `Snapshot of ${info.camera.name}, ${moment(info.timestamp)}` });
  picture.addEventListener("error", async () => {
    const told = await list.missing(info.filename, () =>
      notice("error", "The picture could not be loaded.", "Close this, and try again."),
    );
    if (picture.isConnected) picture.replaceWith(told);
  });
  picture.src = info.download_url;
  place.append(
    picture,
    facts([
      ["Camera", info.camera.name],
      ["Taken", moment(info.timestamp)],
      ["Picture", info.resolution],
      ["File", `${info.format}, ${bytes(info.file_size)}`],
      ["Quality", info.quality],
      ["SHA-256", info.sha256 ? h("code", {}, info.sha256) : null],
    ]),
  );
  return null;
}
