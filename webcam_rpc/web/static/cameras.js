// The cameras: a card for each, and a page for each with its controls, formats and diagnosis.

import { ask, camera as shownCamera, rename } from "./camera.js";
import { controls } from "./controls.js";
import { about, diagnosis } from "./diagnosis.js";
import { h, fill, icon, text } from "./dom.js";
import { formats } from "./formats.js";
import { nothing, waiting } from "./parts.js";

const LOOK_MS = 2000;
const SOON_MS = 700;
/** Pictures a second in a card: enough to see that it lives, and little enough for a telephone. */
const CARD_FPS = 15;

export function view(app) {
  return app.args.length ? one(app) : all(app);
}

function all(app) {
  const cards = new Map();
  const list = h("ul", { class: "cards" });
  const place = h("div", {});
  const count = h("p", { class: "hint", role: "status" });

  const look = () => ask(app, [...cards.values()].map((card) => card.shown).filter((shown) => shown.picture.visible()));
  let soon = null;
  app.onstop(() => clearTimeout(soon));

  function show() {
    const known = app.cameras.all();
    for (const [id, card] of cards) {
      if (app.cameras.get(id)) continue;
      cards.delete(id);
      card.end();
    }
    known.forEach((now, at) => {
      let card = cards.get(now.camera_id);
      if (card) card.update(now);
      else {
        cards.set(now.camera_id, (card = makeCard(app, now)));
        // Its figures need not wait for the next turn.
        clearTimeout(soon);
        soon = setTimeout(look, SOON_MS);
      }
      // Only what is out of place is moved: a stream that is moved in the document begins anew.
      if (list.children[at] !== card.element) list.insertBefore(card.element, list.children[at] ?? null);
    });
    if (known.length && !list.isConnected) fill(place, list);
    if (!known.length) fill(place, app.cameras.complete ? none() : waiting("Looking for cameras…"));
    const connected = known.filter((now) => now.status === "CONNECTED").length;
    text(count, known.length ? `${connected} of ${known.length} connected` : "");
  }

  app.onstop(app.cameras.on(show));
  show();
  app.every(LOOK_MS, look);
  app.on("recording_status_update", look);
  const element = h("section", {}, h("div", { class: "head" }, h("h1", {}, "Cameras"), count), place);
  element.turn = () => false;
  return element;
}

function none() {
  return nothing({
    icon: "camera",
    title: "No camera is plugged in",
    text: "Plug one in: it appears here within a second. One that does not may be of a kind that is not shown; see its diagnosis with webcamctl diagnose /dev/video0.",
  });
}

function makeCard(app, first) {
  const own = app.scope(); // a camera may go while the view stays
  const shown = shownCamera(own, first, { fps: CARD_FPS, card: true });
  const whose = h("span", { class: "unseen" });
  const name = h("a", { href: `#/cameras/${encodeURIComponent(first.camera_id)}` });
  const device = h("p", { class: "device" });
  const element = h(
    "li",
    { class: "card" },
    h("div", { class: "card-head" }, h("div", {}, h("h2", {}, name), device), shown.state.element),
    shown.picture.element,
    shown.facts.element,
    h(
      "div",
      { class: "card-foot" },
      shown.actions.element,
      h(
        "a",
        { class: "button action", href: `#/cameras/${encodeURIComponent(first.camera_id)}` },
        icon("sliders"),
        "Settings",
        whose,
      ),
    ),
  );
  const update = (now) => {
    text(name, now.alias || now.name);
    text(whose, ` of ${now.alias || now.name}`);
    text(device, now.alias ? `${now.name}, ${now.device}` : now.device);
    element.classList.toggle("gone", now.status === "DISCONNECTED");
    shown.update(now);
  };
  update(first);
  const end = () => {
    own.stop();
    element.remove();
  };
  return { element, shown, update, end };
}

const TABS = [
  ["", "Controls", controls],
  ["format", "Format", formats],
  ["diagnosis", "Diagnosis", diagnosis],
  ["about", "About", about],
];

function one(app) {
  const id = app.args[0];
  const element = h("section", { class: "one" });
  let made = null;

  function show() {
    const now = app.cameras.get(id);
    if (!now) {
      if (made) return app.go("cameras");
      fill(element, app.cameras.complete ? unknown(id) : waiting("Looking for this camera…"));
      return;
    }
    if (!made) fill(element, (made = page(app, now)).content);
    made.update(now);
  }

  app.onstop(app.cameras.on(show));
  show();
  app.every(LOOK_MS, () => made && ask(app, [made.shown]));
  const soon = setTimeout(() => made && ask(app, [made.shown]), SOON_MS);
  app.onstop(() => clearTimeout(soon));
  app.on("recording_status_update", (params) => made && params.camera_id === id && ask(app, [made.shown]));
  element.turn = (args) => args[0] === id && made !== null && made.turn(args[1] ?? "");
  return element;
}

function unknown(id) {
  return nothing({
    icon: "unplug",
    title: "This camera is not known",
    text: `The service has not seen ${id} since its start.`,
    action: h("a", { class: "button", href: "#/cameras" }, "All cameras"),
  });
}

function page(app, first) {
  const shown = shownCamera(app, first);
  const base = `#/cameras/${encodeURIComponent(first.camera_id)}`;
  const title = h("h1", {});
  const device = h("p", { class: "device" });
  const reason = h("p", { class: "reason", role: "alert", hidden: true });
  const links = TABS.map(([key, words]) => h("a", { href: key ? `${base}/${key}` : base }, words));
  const panel = h("div", { class: "panel" });
  let tab = null;
  let scope = null;

  function turn(key) {
    const found = TABS.find(([name]) => name === key);
    if (!found) return false;
    if (tab === key) return true;
    tab = key;
    links.forEach((link, at) => {
      if (TABS[at] === found) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    scope?.stop();
    scope = app.scope();
    fill(panel, h("h2", { class: "unseen" }, found[1]), found[2](scope, shown.now));
    return true;
  }

  const content = [
    h("p", { class: "crumb" }, h("a", { href: "#/cameras" }, icon("back"), "All cameras")),
    h(
      "div",
      { class: "head" },
      h("div", {}, title, device),
      shown.state.element,
      app.can("operator") &&
        h("button", { type: "button", class: "quiet", onclick: () => rename(app, shown.now) }, icon("edit"), "Rename"),
    ),
    h(
      "div",
      { class: "halves" },
      h(
        "div",
        { class: "left" },
        shown.picture.element,
        reason,
        h(
          "div",
          { class: "card-foot" },
          shown.actions.element,
          app.can("viewer") &&
            h("button", { type: "button", class: "action", onclick: shown.picture.fullscreen }, icon("expand"), "Full screen"),
        ),
        shown.facts.element,
      ),
      h("div", { class: "right" }, h("nav", { class: "tabs", "aria-label": "Of this camera" }, links), panel),
    ),
  ];
  turn(app.args[1] ?? "") || turn("");
  return {
    content,
    shown,
    turn,
    update(now) {
      text(title, now.alias || now.name);
      document.title = `${now.alias || now.name} – webcam_rpc`;
      text(device, now.alias ? `${now.name}, ${now.device}` : now.device);
      text(reason, now.status === "ERROR" ? now.reason : "");
      reason.hidden = now.status !== "ERROR";
      shown.update(now);
    },
  };
}
