// Plays a recording of JPEGs (codec copy): its pictures as a stream, with a slider and a button as a player has.
//
// The stream says nothing of where it is, so the time is counted here; it comes at the recording's own pace.

import { h, here, fill, icon, text } from "./dom.js";
import { notice } from "./listing.js";
import { clock } from "./words.js";

/** Give `{element, stop}`; `missing(otherwise)` gives the notice of why there is no picture. */
export function replay(info, missing) {
  const length = info.duration ?? 0;
  const picture = h("img", { class: "whole", alt: `The recording ${info.filename}` });
  const place = h("input", { type: "range", min: "0", max: String(length), step: "0.1", value: "0", "aria-label": "Place in the recording" });
  const shown = h("output", { class: "figure" });
  const toggle = h("button", { type: "button" });
  const element = h("div", { class: "replay" }, picture, h("div", { class: "replay-controls" }, toggle, place, shown));
  let at = 0;
  let begun = null;
  let timer = null;
  let over = false;
  /** The picture that is held while nothing is played. */
  let held = null;

  const told = () => {
    place.value = String(at);
    place.setAttribute("aria-valuetext", `${clock(at)} of ${clock(length)}`);
    text(shown, `${clock(at)} / ${clock(length)}`);
  };
  const quiet = () => {
    if (begun !== null) at = Math.min(length, at + (performance.now() - begun) / 1000);
    begun = null;
    clearInterval(timer);
    fill(toggle, icon("play"), "Play");
  };
  const pause = () => {
    quiet();
    told();
    hold();
  };
  /** End the stream, and show its last picture in its place. */
  const hold = () => {
    if (begun !== null || over || !picture.isConnected) return;
    if (!picture.naturalWidth) {
      // Paused before the first one came: it is waited for, or the stream would go on.
      setTimeout(hold, 100);
      return;
    }
    const still = h("canvas");
    still.width = picture.naturalWidth;
    still.height = picture.naturalHeight;
    still.getContext("2d").drawImage(picture, 0, 0);
    still.toBlob((blob) => {
      if (blob && begun === null && !over) release(URL.createObjectURL(blob));
    }, "image/jpeg");
  };
  const release = (next) => {
    const before = held;
    held = next;
    if (next) picture.src = next;
    else picture.removeAttribute("src");
    if (before) URL.revokeObjectURL(before);
  };
  const play = () => {
    if (length && at >= length - 0.05) at = 0;
    const from = at.toFixed(2);
    if (held) URL.revokeObjectURL(held);
    held = null;
    // Each time another address: what a browser has of a stream that ended it would show again.
    picture.src = `${here(info.download_url)}?as=mjpeg&from=${from}&t=${Date.now()}`;
    begun = performance.now();
    fill(toggle, icon("pause"), "Pause");
    clearInterval(timer);
    timer = setInterval(() => {
      const now = at + (performance.now() - begun) / 1000;
      if (now >= length) {
        at = length;
        begun = null;
        pause();
        return;
      }
      place.value = String(now);
      text(shown, `${clock(now)} / ${clock(length)}`);
    }, 200);
  };
  toggle.addEventListener("click", () => (begun === null ? play() : pause()));
  place.addEventListener("input", () => {
    begun = null;
    clearInterval(timer);
    at = Number(place.value);
    told();
  });
  place.addEventListener("change", () => {
    // The very end has no picture; the last half second has some.
    at = Math.min(at, Math.max(0, length - 0.5));
    play();
  });
  picture.addEventListener("error", async () => {
    if (over || held) return;
    quiet();
    const why = await missing(() =>
      notice("bad", "Its pictures cannot be had.", "Try again in a moment, or download it and play it with VLC or mpv."),
    );
    if (picture.isConnected) element.replaceWith(why);
  });
  told();
  play();
  return {
    element,
    stop() {
      over = true;
      begun = null;
      clearInterval(timer);
      release(null);
    },
  };
}
