// The modes that a camera has, and the one that it is set to.

import { h, fill, icon, text } from "./dom.js";
import { busy, loaded } from "./parts.js";
import { fault, rate } from "./words.js";

const WORDS = {
  MJPG: "MJPG, compressed by the camera",
  YUYV: "YUYV, uncompressed",
  H264: "H.264",
  NV12: "NV12, uncompressed",
  GREY: "GREY, brightness only",
};

export function formats(app, camera) {
  const device = camera.camera_id;
  const list = loaded(app, () => app.call("get_camera_capabilities", { device }), (result) => render(app, device, result), {
    label: "Asking the camera…",
    empty: { icon: "info", title: "No modes are known", text: "The camera has not told any; its diagnosis may say why." },
  });
  const again = busy(app, { class: "action" }, [icon("refresh"), "Ask the camera again"], async () => {
    await app.call("get_camera_capabilities", { device, refresh: true });
    await list.refresh();
  });
  return [list.element, h("div", { class: "tools" }, again)];
}

function render(app, device, { modes, validation_status: validation }) {
  if (!modes.length) return null;
  const operates = app.can("operator");
  const kinds = [...new Set(modes.map((mode) => mode.pixel_format))];
  const set = h("p", { class: "present" });
  const format = h("select", { id: "pixel-format" }, kinds.map((kind) => h("option", { value: kind }, WORDS[kind.trim()] ?? kind)));
  const size = h("select", { id: "frame-size" });
  const fps = h("select", { id: "frame-rate" });
  const width = number("frame-width");
  const height = number("frame-height");
  const free = number("free-rate");
  free.step = "any";
  const sizes = h("div", { class: "field" }, h("label", { for: "frame-size" }, "Size"), size);
  const range = h(
    "div",
    { class: "field pair" },
    h("div", {}, h("label", { for: "frame-width" }, "Width"), width),
    h("div", {}, h("label", { for: "frame-height" }, "Height"), height),
  );
  const rates = h("div", { class: "field" }, h("label", { for: "frame-rate" }, "Pictures a second"), fps);
  const freeRate = h("div", { class: "field" }, h("label", { for: "free-rate" }, "Pictures a second"), free);
  const outcome = h("p", { class: "outcome", role: "status" });

  // Which of them is set is not told; one that has the present size is the likeliest.
  const likely = modes.find((mode) => `${mode.width}x${mode.height}` === app.cameras.get(device)?.resolution);
  if (likely) format.value = likely.pixel_format;

  const ofKind = () => modes.filter((mode) => mode.pixel_format === format.value);
  const chosen = () => ofKind()[Number(size.value)] ?? ofKind()[0];

  function now() {
    const current = app.cameras.get(device);
    const mode = current?.resolution ? `${current.resolution.replace("x", " × ")}${current.fps ? ` at ${rate(current.fps)} fps` : ""}` : "not known";
    text(set, `Set now: ${mode}`);
    return current;
  }

  function showSizes() {
    const current = app.cameras.get(device);
    fill(size, ofKind().map((mode, at) => h("option", { value: at }, sizeOf(mode))));
    const same = ofKind().findIndex((mode) => `${mode.width}x${mode.height}` === current?.resolution);
    if (same >= 0) size.value = String(same);
    showRates();
  }

  function showRates() {
    const mode = chosen();
    const ranged = typeof mode.width === "object" || typeof mode.height === "object";
    range.hidden = !ranged;
    sizes.hidden = ranged && ofKind().length === 1;
    if (ranged) {
      const [w, t] = (app.cameras.get(device)?.resolution ?? "").split("x").map(Number);
      bounds(width, mode.width, w);
      bounds(height, mode.height, t);
    }
    const listed = Array.isArray(mode.fps);
    rates.hidden = !listed || !mode.fps.length;
    freeRate.hidden = listed;
    if (listed) {
      fill(fps, mode.fps.map((value) => h("option", { value }, rate(value))));
      const current = app.cameras.get(device)?.fps;
      if (mode.fps.includes(current)) fps.value = String(current);
    } else bounds(free, { ...mode.fps, step: "any" }, app.cameras.get(device)?.fps);
  }

  async function apply() {
    const mode = chosen();
    const wanted = { pixel_format: format.value };
    if (typeof mode.width === "object" || typeof mode.height === "object") {
      Object.assign(wanted, { width: width.valueAsNumber, height: height.valueAsNumber });
    } else if (mode.width && mode.height) Object.assign(wanted, { width: mode.width, height: mode.height });
    const value = Array.isArray(mode.fps) ? Number(fps.value) : free.valueAsNumber;
    if (value > 0) wanted.fps = value;
    outcome.classList.remove("problem");
    try {
      const given = await app.call("set_camera_format", { device, ...wanted });
      const exact =
        given.pixel_format === wanted.pixel_format &&
        (!wanted.width || (given.width === wanted.width && given.height === wanted.height)) &&
        (!wanted.fps || given.fps == null || Math.abs(given.fps - wanted.fps) < 0.01);
      const words = `${given.pixel_format}, ${given.width} × ${given.height}${given.fps ? ` at ${rate(given.fps)} fps` : ""}`;
      text(outcome, exact ? `The camera is set to ${words}.` : `The driver has taken what is nearest: ${words}.`);
    } catch (error) {
      outcome.classList.add("problem");
      text(outcome, fault(error));
    }
  }

  format.addEventListener("change", showSizes);
  size.addEventListener("change", showRates);
  app.onstop(app.cameras.on(now));
  now();
  showSizes();
  const unsure = { provisional: "The camera has not confirmed these modes yet.", none: "The camera has told no modes." }[validation];
  return [
    set,
    unsure && h("p", { class: "hint" }, unsure),
    operates &&
      h(
        "form",
        { class: "stack", onsubmit: (event) => event.preventDefault() },
        h("div", { class: "field" }, h("label", { for: "pixel-format" }, "Format"), format),
        sizes,
        range,
        rates,
        freeRate,
        h("div", {}, busy(app, { class: "primary" }, "Set this mode", apply)),
        outcome,
        h("p", { class: "hint" }, "The picture stops for a moment. It cannot be changed while the camera is being recorded."),
      ),
    h(
      "details",
      {},
      h("summary", {}, modes.length === 1 ? "The one mode" : `All ${modes.length} modes`),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "All modes" },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ["Format", "Size", "Pictures a second"].map((name) => h("th", { scope: "col" }, name)))),
          h(
            "tbody",
            {},
            modes.map((mode) => h("tr", {}, h("td", {}, mode.pixel_format), h("td", {}, sizeOf(mode)), h("td", {}, ratesOf(mode)))),
          ),
        ),
      ),
    ),
  ];
}

function number(id) {
  return h("input", { type: "number", id });
}

function bounds(field, range, value) {
  const whole = typeof range === "object" ? range : { min: range, max: range, step: 1 };
  field.min = whole.min;
  field.max = whole.max;
  field.step = whole.step || "any";
  field.value = value >= whole.min && value <= whole.max ? value : whole.max;
}

function side(pixels) {
  return typeof pixels === "object" ? `${pixels.min}–${pixels.max}` : String(pixels);
}

function sizeOf(mode) {
  return mode.width === 0 ? "as the camera likes" : `${side(mode.width)} × ${side(mode.height)}`;
}

function ratesOf({ fps }) {
  if (!Array.isArray(fps)) return `${rate(fps.min)}–${rate(fps.max)}`;
  return fps.length ? fps.map(rate).join(", ") : "not told";
}
