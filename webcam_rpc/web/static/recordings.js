// The view of recordings: what is being recorded now, and what has been, to be played, kept, protected and deleted.

import { h, here, fill, icon, text } from "./dom.js";
import { Files } from "./files.js";
import { facts, looking, notice, settle, time } from "./listing.js";
import { busy } from "./parts.js";
import { replay } from "./replay.js";
import { bytes, clock, distance, ending, moment, rate } from "./words.js";

/** How long ago a file was changed that may still be rewritten, in ms, and how many are looked at. */
const RECENT = 600000;
const LOOKED_AT = 5;
const GOES_ON = new Set(["STARTING", "RECORDING", "STOPPING", "WAITING"]);

export function view(app) {
  const running = runningNow(app);
  const rewriting = new Set();
  const files = new Files(app, "recording", {
    row: (file, list) => row(app, file, list, rewriting),
    show,
    listed: (found) => seeRewriting(app, found, rewriting, () => files.redraw()),
    empty: { icon: "record", title: "Nothing has been recorded yet", text: "Start a recording at a camera, or make a schedule." },
    listClass: "rows",
  });
  app.on("recording_status_update", (update) => {
    if (update.status === "FINALIZED") rewriting.delete(update.filename);
    running.again();
    files.again();
    if (update.status === "ERROR" && !update.replayed)
      app.say(`The recording of ${files.camera(update.camera_id)} ended: ${ending(update.reason)}.`, { error: true });
  });
  app.on("storage_status_update", () => files.again());
  const element = h("section", { class: "library" }, h("h1", {}, "Recordings"), running.element, files.elements);
  element.turn = ([name]) => {
    if (name) files.open(name);
  };
  // Not before the element is in the page: a dialog gives the focus back to what had it.
  if (app.args.length) queueMicrotask(() => files.open(app.args[0]));
  return element;
}

/**
 * Find out which of the newest are being rewritten as MP4. A list does not tell; that may take a while after the end of a
 * recording, and only then.
 */
async function seeRewriting(app, found, rewriting, changed) {
  const recent = found.filter(({ filename, modified_time }) => filename.endsWith(".mp4") && Date.now() - Date.parse(modified_time) < RECENT);
  const infos = await Promise.allSettled(
    recent.slice(0, LOOKED_AT).map(({ filename }) => app.call("get_recording_info", { filename })),
  );
  if (app.signal.aborted) return;
  const before = [...rewriting].join();
  for (const { value } of infos)
    if (value?.finalizing) rewriting.add(value.filename);
    else if (value) rewriting.delete(value.filename);
  if ([...rewriting].join() !== before) changed();
}

/** The recordings that go on. */
function runningNow(app) {
  const list = h("ul", { class: "running" });
  const element = h("section", { "aria-label": "Being recorded now", hidden: true }, list);
  const going = new Map();
  const rows = new WeakMap();
  const draw = () => {
    element.hidden = going.size === 0;
    settle(
      list,
      [...going.values()],
      (one) => one.recording_id,
      (one) => {
        const made = goesOn(app, one);
        rows.set(made.element, made);
        return made.element;
      },
      (row_, one) => rows.get(row_).update(one),
    );
  };
  const fetch = () => Promise.all(app.cameras.all().map((camera) => app.call("get_recording_status", { device: camera.camera_id })));
  const show = (states) => {
    going.clear();
    for (const state of states)
      // Counted from here, so that the clocks of two machines need not agree.
      if (GOES_ON.has(state.state)) going.set(state.camera_id, { ...state, begun: performance.now() - state.elapsed * 1000 });
    draw();
  };
  // What went wrong is told by the list below.
  const look = looking(app, fetch, show, () => {});
  app.onstop(app.cameras.on(look.again));
  const ticking = setInterval(() => {
    for (const row_ of list.children) rows.get(row_).tick();
  }, 1000);
  app.onstop(() => clearInterval(ticking));
  return { element, again: look.again };
}

function goesOn(app, first) {
  let now = first;
  const name = h("span", { class: "name" });
  const elapsed = h("span", { class: "figure" });
  const waits = h("span", { class: "status warn" }, "waits for the camera");
  const stop = busy(app, {}, [icon("stop"), "Stop"], () => app.call("stop_recording", { recording_id: now.recording_id }));
  const tick = () => text(elapsed, clock(now.state === "WAITING" ? now.elapsed : (performance.now() - now.begun) / 1000));
  const update = (fresh) => {
    now = fresh;
    text(name, fresh.filename ?? app.cameras.name(fresh.camera_id));
    waits.hidden = fresh.state !== "WAITING";
    stop.setAttribute("aria-label", `Stop recording ${name.textContent}`);
    tick();
  };
  update(first);
  const element = h("li", {}, icon("record"), name, elapsed, waits, app.can("operator") && stop);
  return { element, update, tick };
}

function row(app, file, list, rewriting) {
  let now = file;
  const about = h("span", { class: "meta" });
  const badge = h("span", { class: "status idle" }, "protected");
  const busyness = h("span", { class: "status idle" }, "being rewritten as MP4");
  const protect = busy(app, {}, [icon("shield"), "Protect"], async () => {
    try {
      const info = await app.call("protect_recording", { filename: now.filename, protected: !now.protected });
      update({ ...now, protected: info.protected });
    } finally {
      list.again();
    }
  });
  protect.setAttribute("aria-label", `Protect ${file.filename} from being deleted`);
  const update = (fresh) => {
    now = fresh;
    badge.hidden = !fresh.protected;
    busyness.hidden = !rewriting.has(fresh.filename);
    protect.setAttribute("aria-pressed", String(fresh.protected));
    fill(
      about,
      h("span", {}, list.camera(fresh.camera_id)),
      time(fresh.modified_time, moment(fresh.modified_time)),
      fresh.duration !== null && h("span", {}, clock(fresh.duration)),
      h("span", {}, bytes(fresh.file_size)),
    );
  };
  const play = { type: "button", class: "primary", "aria-label": `Play ${file.filename}`, onclick: () => list.open(file.filename) };
  const element = h(
    "li",
    {},
    h("div", { class: "what" }, h("span", { class: "name" }, file.filename), badge, " ", busyness, about),
    h(
      "div",
      { class: "acts" },
      h("button", play, icon("play"), "Play"),
      list.download(file),
      app.can("operator") && protect,
      list.remover(file),
    ),
  );
  return { element, update };
}

function show(info, place, list) {
  const below = facts([
    ["Camera", info.camera.name],
    ["Began", `${moment(info.start_time)} (${distance(info.start_time)})`],
    ["Length", info.duration === null ? null : clock(info.duration)],
    ["Picture", [info.resolution, info.fps && `${rate(info.fps)} per second`].filter(Boolean).join(", ")],
    ["Frames", info.frames === null ? null : `${info.frames}${info.frames_dropped ? `, ${info.frames_dropped} dropped` : ""}`],
    ["File", `${info.format}, ${info.codec === "copy" ? "the camera's JPEGs" : info.codec}, ${bytes(info.file_size)}`],
    ["Ended", ending(info.ended)],
    ["Kept", info.protected ? "protected from being deleted" : null],
    ["State", info.finalizing ? "being rewritten as MP4; it plays already" : info.interrupted ? "recovered after an interruption" : null],
  ]);
  if (info.codec === "copy") {
    // No browser plays these; the service gives their pictures as a stream.
    const player = replay(info, (failed) => list.missing(info.filename, failed));
    place.append(player.element, below);
    return player.stop;
  }
  const video = h("video", { controls: true, autoplay: true, playsinline: true, preload: "metadata", "aria-label": info.filename });
  let over = false;
  video.addEventListener("error", async () => {
    if (over) return;
    const lost = video.error?.code === MediaError.MEDIA_ERR_NETWORK;
    const told = await list.missing(info.filename, () =>
      lost
        ? notice("bad", "The connection was lost.", "Close this, and play it again.")
        : notice("bad", "This browser cannot play it.", "Download it, and play it with VLC or mpv."),
    );
    if (video.isConnected) video.replaceWith(told);
  });
  video.src = here(info.download_url);
  place.append(video, below);
  return () => {
    over = true;
    // Without this a browser may go on loading what nobody sees any more.
    video.pause();
    video.removeAttribute("src");
    video.load();
  };
}
