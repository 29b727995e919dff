// The view of recordings: what is being recorded now, and what has been, to be played, kept, protected and deleted.

import { h } from "./dom.js";
import { Files } from "./files.js";
import { button, facts, failure, may, notice, settle, time } from "./listing.js";
import { bytes, clock, distance, ending, moment, rate } from "./words.js";

export function view(app) {
  const told = h("div", { "aria-live": "polite" });
  const now = h("ul", { class: "running" });
  const running = h("section", { hidden: true, "aria-labelledby": "running-title" });
  running.append(h("h3", { id: "running-title" }, "Being recorded"), now);
  const going = new Map();
  const files = new Files(app, "recording", {
    row: (file, list) => row(app, file, list, told),
    show: (info, place, list) => show(app, info, place, list),
    empty: "Nothing has been recorded yet. Start a recording at a camera, or make a schedule.",
    listClass: "rows",
  });
  const element = h("section", { class: "view" }, h("h2", {}, "Recordings"), told, running, ...files.elements);

  const draw = () => {
    running.hidden = going.size === 0;
    settle(
      now,
      [...going.values()],
      (one) => one.camera_id,
      (one) => goesOn(app, one, going, told),
      () => {},
    );
  };
  const ask = async (device) => {
    try {
      const state = await app.call("get_recording_status", { device });
      const goes = ["STARTING", "RECORDING", "STOPPING", "WAITING"].includes(state.state);
      // Counted from here, so that the clocks of two machines need not agree.
      if (goes) going.set(state.camera_id, { ...state, begun: performance.now() - state.elapsed * 1000 });
      else going.delete(state.camera_id);
      draw();
    } catch {
      // The list below says what is wrong.
    }
  };
  const tick = () => {
    for (const clockface of now.querySelectorAll("[data-begun]"))
      clockface.textContent = clock((performance.now() - Number(clockface.dataset.begun)) / 1000);
  };
  const everything = async () => {
    try {
      const { cameras } = await app.call("get_camera_list");
      await Promise.all(cameras.map((camera) => ask(camera.camera_id)));
    } catch {
      // As above.
    }
  };
  everything();
  const timer = setInterval(tick, 1000);
  const off = [
    app.on("recording_status_update", (update) => {
      ask(update.camera_id);
      files.again();
      if (update.status === "ERROR")
        told.replaceChildren(notice("error", `The recording of ${files.camera(update.camera_id)} ended: ${ending(update.reason)}.`));
    }),
    app.on("storage_status_update", () => files.again()),
    app.on("camera_status_update", () => files.again()),
  ];
  element.stop = () => {
    clearInterval(timer);
    files.stop();
    for (const stop of off) stop();
  };
  return element;
}

function goesOn(app, one, going, told) {
  const stop = async () => {
    try {
      await app.call("stop_recording", { recording_id: one.recording_id });
    } catch (error) {
      told.replaceChildren(failure(error));
    }
  };
  return h(
    "li",
    {},
    h("span", { class: "dot", "aria-hidden": "true" }),
    h("span", { class: "name" }, one.filename ?? one.device),
    h("span", { class: "figure", "data-begun": String(one.begun) }, clock(one.elapsed)),
    one.state === "WAITING" ? h("span", { class: "badge warn" }, "waits for the camera") : null,
    may(app, "operator") ? button("Stop", stop, { "aria-label": `Stop recording ${one.filename ?? one.device}` }) : null,
  );
}

function row(app, file, list, told) {
  let now = file;
  const where = h("span", { class: "meta" });
  const badge = h("span", { class: "badge", hidden: true }, "protected");
  const protect = button("Protect", async () => {
    try {
      const info = await app.call("protect_recording", { filename: now.filename, protected: !now.protected });
      update({ ...now, protected: info.protected });
    } catch (error) {
      told.replaceChildren(failure(error));
      if (error.code === -32010) list.again();
    }
  });
  protect.setAttribute("aria-label", `Protect ${file.filename} from being deleted`);
  const update = (fresh) => {
    now = fresh;
    badge.hidden = !fresh.protected;
    protect.setAttribute("aria-pressed", String(fresh.protected));
    where.replaceChildren(
      h("span", {}, list.camera(fresh.camera_id)),
      time(fresh.modified_time, moment(fresh.modified_time)),
      h("span", {}, fresh.duration === null ? "" : clock(fresh.duration)),
      h("span", {}, bytes(fresh.file_size)),
    );
  };
  const element = h(
    "li",
    {},
    h("div", { class: "what" }, h("span", { class: "name" }, file.filename), badge, where),
    h(
      "div",
      { class: "actions" },
      button("Play", () => list.open(file.filename), { class: "primary", "aria-label": `Play ${file.filename}` }),
      list.download(file),
      may(app, "operator") ? protect : null,
      list.remover(file),
    ),
  );
  return { element, update };
}

function show(app, info, place, list) {
  let video = null;
  const below = [
    facts([
      ["Camera", info.camera.name],
      ["Began", info.end_time ? `${moment(info.start_time)} (${distance(info.start_time)})` : moment(info.start_time)],
      ["Length", info.duration === null ? null : clock(info.duration)],
      ["Picture", [info.resolution, info.fps && `${rate(info.fps)} per second`].filter(Boolean).join(", ")],
      ["Frames", info.frames === null ? null : `${info.frames}${info.frames_dropped ? `, ${info.frames_dropped} dropped` : ""}`],
      ["File", `${info.format}, ${info.codec === "copy" ? "the camera's JPEGs" : info.codec}, ${bytes(info.file_size)}`],
      ["Ended", ending(info.ended)],
      ["Kept", info.protected ? "protected from being deleted" : null],
      ["State", info.finalizing ? "is being rewritten as MP4; it plays already" : info.interrupted ? "recovered after an interruption" : null],
    ]),
  ];
  if (info.codec === "copy") {
    place.append(
      notice(
        "note",
        "No browser plays this one: it holds the camera's JPEGs as they came (codec: copy).",
        "Download it, and play it with VLC or mpv.",
      ),
      ...below,
    );
    return null;
  }
  video = h("video", { controls: "", autoplay: "", playsinline: "", preload: "metadata", "aria-label": info.filename });
  video.addEventListener("error", async () => {
    const code = video.error?.code;
    const told = await list.missing(info.filename, () =>
      code === MediaError.MEDIA_ERR_NETWORK
        ? notice("error", "The connection was lost.", "Close this, and play it again.")
        : notice("error", "This browser cannot play it.", "Download it, and play it with VLC or mpv."),
    );
    if (video?.isConnected) video.replaceWith(told);
  });
  video.src = info.download_url;
  place.append(video, ...below);
  return () => {
    // Without this a browser may go on loading what nobody sees any more.
    video.pause();
    video.removeAttribute("src");
    video.load();
    video = null;
  };
}
