// What may be wrong with a camera, with what to do about it; and all that is known of it.

import { h, fill, icon } from "./dom.js";
import { busy, loaded, waiting, wrong } from "./parts.js";
import { title } from "./words.js";

const MARKS = { true: ["good", "check", "Well"], false: ["bad", "alert", "Wrong"], null: ["idle", "info", "Not known"] };
const NAMES = {
  node: "Device node",
  node_type: "Kind of node",
  permission: "Permission",
  holder: "Other programs",
  formats: "Formats",
  usb: "USB",
  "v4l2-ctl": "Program v4l2-ctl",
  ffmpeg: "Program ffmpeg",
};

export function diagnosis(app, camera) {
  const place = h("div", { "aria-live": "polite" });
  async function look() {
    fill(place, waiting("Looking at the camera from the outside in…"));
    try {
      const { checks } = await app.call("diagnose_camera", { device: camera.camera_id });
      if (!app.signal.aborted) fill(place, shown(checks));
    } catch (error) {
      if (!app.signal.aborted) fill(place, wrong(error, look));
    }
  }
  look();
  return [place, h("div", { class: "tools" }, busy(app, { class: "action" }, [icon("refresh"), "Look again"], look))];
}

function shown(checks) {
  const bad = checks.filter((check) => check.ok === false).length;
  return [
    h("p", { class: "present" }, bad ? `${bad} of ${checks.length} checks found something` : "Nothing was found to be wrong."),
    h(
      "ul",
      { class: "checks" },
      checks.map(({ check, ok, detail, remedy }) => {
        const [kind, name, word] = MARKS[String(ok)] ?? MARKS.null;
        return h(
          "li",
          { class: kind },
          icon(name),
          h(
            "div",
            {},
            h("p", { class: "check-name" }, NAMES[check] ?? title(check), h("span", { class: "unseen" }, `: ${word}`)),
            h("p", {}, detail),
            remedy && h("p", { class: "remedy" }, h("strong", {}, "What to do: "), remedy),
          ),
        );
      }),
    ),
  ];
}

export function about(app, camera) {
  const list = loaded(app, () => app.call("get_camera_status", { device: camera.camera_id }), (status) => {
    const row = (name, value) => [h("dt", {}, name), h("dd", {}, value ?? "–")];
    const holder = status.holder ? `${status.holder.comm} (pid ${status.holder.pid})` : (status.holder_reason ? `not known: ${status.holder_reason}` : "nobody");
    const link = (url) => h("a", { href: url, target: "_blank", rel: "noopener" }, url);
    const ids = status.vendor_id ? `${status.vendor_id}:${status.product_id}` : null;
    return h(
      "dl",
      { class: "about" },
      row("Id", h("code", {}, status.camera_id)),
      row("Device now", h("code", {}, status.device)),
      row("Name of its maker", status.name),
      row("Alias", status.alias),
      row("Driver", status.driver),
      row("Vendor and product", ids && h("code", {}, ids)),
      row("Serial number", status.serial && h("code", {}, status.serial)),
      row("USB port", status.usb_path && h("code", {}, status.usb_path)),
      row("Held by another program", holder),
      row("Pictures since the start", `${status.frames}, ${status.broken_frames} broken`),
      row("Restarts of its capture", status.restarts),
      app.can("viewer") && [row("A picture", link(status.snapshot_url)), row("The stream", link(status.stream_url))],
    );
  });
  app.on("camera_status_update", (params) => params.camera_id === camera.camera_id && list.refresh());
  return list.element;
}
