// A live picture: the MJPEG stream in an <img>, only while somebody can see it.
//
// A browser keeps six connections to one address (HTTP/1.1), and a stream takes one for as long as it goes on. So no
// more than STREAMS cameras are shown as streams; those beyond get a picture every STILL_MS. A stream that has stopped
// moving is opened anew behind the picture that is shown, which stays until the first of the new ones is there.

import { h, fill, icon, text } from "./dom.js";

const STREAMS = 4;
const STILL_MS = 2000;
const LOOK_MS = 1000;
/** A camera that delivers while our picture stands still for so long has a stream that is stuck. */
const STUCK = 6000;
const LONGEST = 60_000;
const FIRST_DELAY = 1000;
const LONGEST_DELAY = 15_000;
const SAMPLE = 16;

let streams = 0;
const waiting = new Set();

function release() {
  streams -= 1;
  const [next] = waiting;
  next?.();
}

/**
 * Make the picture of a camera: {element, update(camera, status)}. `fps` lets no more pictures through; in a
 * `card` a picture of an unusual shape gets bars, so that cards stay alike.
 */
export function picture(app, camera, { fps = null, card = false } = {}) {
  const veil = h("div", { class: "veil" });
  const frame = h("div", { class: "frame" });
  const badge = h("span", { class: "badge", hidden: true });
  const element = h("figure", { class: "screen" }, frame, veil, badge);

  let now = camera;
  let delivering = null; // what the service last said: whether the camera gives pictures
  let visible = null; // not known yet
  let mode = "off"; // off | stream | stills
  let shownImage = null;
  let nextImage = null;
  let timer = null;
  let delay = FIRST_DELAY;
  let notBefore = 0;
  let begun = 0; // how many times
  let opened = 0;
  let moved = 0;
  let patience = STUCK;
  let sample = null;
  let problem = null; // why there is no picture, in the service's words
  const canvas = h("canvas", { width: SAMPLE, height: SAMPLE });
  const pen = canvas.getContext("2d", { willReadFrequently: true });

  const allowed = () => app.can("viewer");
  const wanted = () =>
    visible && !document.hidden && allowed() && now.status === "CONNECTED" && app.rpc.state === "open";

  function address(path, query) {
    const url = new URL(path, location.href);
    for (const [name, value] of Object.entries(query)) if (value != null) url.searchParams.set(name, value);
    return url.href;
  }

  /** It did not go well: not again at once, or the page would have the camera started and failing without a pause. */
  function back() {
    notBefore = performance.now() + delay;
    delay = Math.min(delay * 2, LONGEST_DELAY);
  }

  function begin() {
    if (mode !== "off" || !wanted()) return;
    clearTimeout(timer);
    const wait = notBefore - performance.now();
    if (wait > 0) {
      timer = setTimeout(settle, wait + 1);
      veils();
      return;
    }
    waiting.delete(upgrade);
    if (streams < STREAMS) {
      streams += 1;
      mode = "stream";
    } else {
      mode = "stills";
      waiting.add(upgrade);
    }
    begun += 1;
    patience = STUCK;
    open();
    veils();
  }

  /** There is room for another stream now. */
  function upgrade() {
    end();
    begin();
  }

  function open() {
    clearTimeout(timer);
    drop(nextImage);
    opened = moved = performance.now();
    const image = h("img", { alt: "", decoding: "async" });
    nextImage = image;
    image.addEventListener("error", () => image === nextImage && failed(image));
    image.addEventListener("load", () => came(image));
    // The address differs each time, or the browser would join the stream that is stuck.
    const query = { t: Math.round(performance.timeOrigin + opened) };
    image.src = mode === "stream" ? address(now.stream_url, { fps, ...query }) : address(now.snapshot_url, query);
  }

  /** The first picture is there. */
  function came(image) {
    if (image !== nextImage || !image.naturalWidth) return;
    nextImage = null;
    const old = shownImage;
    shownImage = image;
    image.alt = `Live picture of ${now.alias || now.name}`;
    frame.append(image);
    shape(image.naturalWidth, image.naturalHeight);
    drop(old);
    frame.querySelector(".frozen")?.remove();
    problem = null;
    delay = FIRST_DELAY;
    moved = performance.now();
    veils();
    if (mode === "stills") timer = setTimeout(open, STILL_MS);
  }

  /** Give the frame the shape of the picture before it is there, or all below would jump. */
  function shape(width, height) {
    if (!(width > 0 && height > 0)) return;
    const ratio = width / height;
    frame.style.aspectRatio = String(card ? Math.min(16 / 9, Math.max(4 / 3, ratio)) : ratio);
  }

  async function failed(image) {
    nextImage = null;
    drop(image);
    const mine = begun;
    // An <img> does not tell why; the same address as a single picture does.
    let why = null;
    try {
      const answer = await fetch(address(now.snapshot_url, {}), { signal: app.signal });
      if (answer.status === 401 || answer.status === 403) app.rpc.refreshSession().catch(() => {});
      if (!answer.ok) why = (await answer.text()).trim();
      else answer.body?.cancel();
    } catch {
      why = null;
    }
    // Ended meanwhile, or begun anew.
    if (mode === "off" || nextImage || begun !== mine) return;
    problem = why;
    veils();
    back();
    clearTimeout(timer);
    timer = setTimeout(open, notBefore - performance.now());
  }

  function end() {
    waiting.delete(upgrade);
    clearTimeout(timer);
    drop(nextImage);
    nextImage = null;
    if (shownImage) {
      // What was seen last stays, as a picture: the stream itself has to end.
      freeze(shownImage);
    }
    const was = mode;
    mode = "off";
    sample = null;
    if (was === "stream") release();
    veils();
  }

  function freeze(image) {
    const still = h("canvas", { width: image.naturalWidth, height: image.naturalHeight, class: "frozen" });
    try {
      still.getContext("2d").drawImage(image, 0, 0);
      frame.append(still);
    } catch {
      // Nothing was there to keep.
    }
    drop(image);
    shownImage = null;
    for (const old of [...frame.querySelectorAll("canvas")]) if (old !== still) old.remove();
  }

  function drop(image) {
    if (!image) return;
    image.removeAttribute("src"); // ends the request
    image.remove();
  }

  /** Look whether the picture moves. */
  function look() {
    if (mode === "off") return;
    // Some browsers tell of the first picture of a stream only when it ends.
    if (nextImage?.naturalWidth) came(nextImage);
    if (mode !== "stream") return;
    const since = performance.now();
    if (shownImage && !nextImage) {
      pen.drawImage(shownImage, 0, 0, SAMPLE, SAMPLE);
      const seen = pen.getImageData(0, 0, SAMPLE, SAMPLE).data.join();
      if (seen !== sample) {
        sample = seen;
        moved = since;
        patience = STUCK;
      }
    }
    if (delivering === false) moved = since;
    if (since - Math.max(moved, opened) > patience) {
      // A scene in which really nothing moves is looked at less and less often.
      patience = Math.min(patience * 2, LONGEST);
      open();
    }
  }

  function veils() {
    const say = (name, title, more) =>
      fill(veil, name === "spinner" ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon(name), h("p", {}, title), more && h("p", { class: "more" }, more));
    const moving = mode !== "off" && shownImage !== null && delivering !== false;
    element.classList.toggle("moving", moving);
    badge.hidden = !(mode === "stills" && moving);
    text(badge, "a picture every 2 s");
    badge.title = `A browser shows ${STREAMS} streams of one service at a time. Open this camera to see its stream.`;
    if (now.status === "DISCONNECTED") say("unplug", "Unplugged", "It is shown again as soon as it is plugged in.");
    else if (now.status === "ERROR") say("alert", "No picture", now.reason);
    else if (app.session && !allowed()) say("lock", "No picture for this role", "Log in with a token of the role viewer or more.");
    else if (problem) say("alert", "No picture", problem);
    else if (delivering === false && shownImage) say("alert", "The camera gives no pictures", "It is being restarted.");
    else if (!shownImage && mode !== "off") say("spinner", "Waiting for the first picture…");
    else if (!shownImage && !frame.childElementCount) say("camera", "");
    else fill(veil);
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      visible = entries[entries.length - 1].isIntersecting;
      settle();
    },
    { rootMargin: "120px" },
  );
  watcher.observe(element);
  function settle() {
    if (wanted()) begin();
    else if (mode !== "off") end();
    else veils();
  }
  const looking = setInterval(look, LOOK_MS);
  // The first picture is told within a moment, whatever the browser tells of it.
  const quick = setInterval(() => nextImage?.naturalWidth && came(nextImage), 50);
  document.addEventListener("visibilitychange", settle, { signal: app.signal });
  app.on("state", settle);
  app.on("session", settle);
  app.onstop(() => {
    clearInterval(looking);
    clearInterval(quick);
    watcher.disconnect();
    end();
  });

  return {
    element,
    visible: () => visible !== false,
    update(changed, status = null) {
      const before = now.status;
      now = changed;
      shape(...(now.resolution ?? "").split("x").map(Number));
      // Nothing is amiss with a camera that nobody uses.
      const used = Object.values(status?.consumers ?? {}).some((count) => count > 0);
      const age = status?.last_frame_age_ms ?? null;
      delivering = used && age !== null ? age < 3000 : null;
      if (now.status === "DISCONNECTED") {
        delay = FIRST_DELAY;
        notBefore = 0;
        problem = null;
      }
      // Once nobody uses it, it counts as well again: why it failed stays in view until there is a picture.
      if (now.status === "ERROR") {
        problem = now.reason;
        if (before !== "ERROR") back();
      }
      if (before === "DISCONNECTED" && now.status === "CONNECTED" && mode !== "off") end();
      settle();
    },
    fullscreen: () => element.requestFullscreen?.(),
  };
}
