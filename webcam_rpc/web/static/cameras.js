// The cameras.

import { h, fill } from "./dom.js";

export function view(app) {
  const list = h("ul", {});
  const show = () =>
    fill(list, app.cameras.all().map((camera) => h("li", {}, `${app.cameras.name(camera.camera_id)}: ${camera.status}`)));
  app.onstop(app.cameras.on(show));
  show();
  return h("section", {}, h("h1", {}, "Cameras"), list);
}
