// The page: who sits there, which view is shown, and what all views share.
//
// # What a view is
//
// A view is a module in this folder with
//
//     export function view(app) { return element; }
//
// and a line in VIEWS below: its path in the address (#/path/…), its title, and the least role that it is for. The
// module is fetched when it is first shown. `view` makes its element at once, with a heading <h1>, and fills it when the
// data is there; it is called anew each time that the view is shown and when the role changes. `app` is this view's own:
//
//     app.args                    what follows the path: #/recordings/a.mp4 gives ["a.mp4"]
//     app.call(method, params)    a promise of the result; rejects with a Failure (code, message, data), see rpc.js
//     app.batch([[method, params], …])   several in one message; a promise for each
//     app.on(topic, listener)     a notification ("recording_status_update", …), "event" (each: topic, params),
//                                 "resumed" (after each connection), "state"; ends with the view
//     app.every(ms, work)         now and then again, while the page is visible and connected; ends with the view
//     app.signal                  an AbortSignal: aborted when the view ends; pass it to addEventListener and fetch
//     app.onstop(work)            called when the view ends
//     app.scope()                 another app with an end of its own, stop(), for a part of the view that may go earlier
//     app.can(role)               "none" | "status" | "viewer" | "operator" | "admin": whether whoever sits there has it
//     app.session                 {authenticated, role, permissions, name, expires_at}
//     app.cameras                 the cameras, always current: see store.js
//     app.say(text, {error, link})   a note that is shown and read out; link: {href, text}
//     app.fail(error)             the same for what went wrong, in words
//     app.ask({title, text, action, danger})   a promise: whether it was confirmed, by keyboard too
//     app.show(title, content, {wide})   a dialog with anything in it; gives {close(), closed: a promise}
//     app.go(path)                show another view: app.go("recordings/a.mp4")
//
// What every list needs (loading, empty, error with "Try again", anew after each connection) is `loaded` in parts.js;
// buttons that wait for a call are `busy`. A view whose element has a method `turn(args)` is told of another address of
// its own instead of being made anew, unless that returns false.
//
// # What is the page's alone
//
// Names are never markup (dom.js). Nothing is fetched from anywhere else. The cookie that a log-in leaves cannot be read
// by any script; the page only asks who it is (get_session).

import { h, here, fill, icon, text } from "./dom.js";
import { note, question, sheet } from "./parts.js";
import { Connection } from "./rpc.js";
import { Cameras } from "./store.js";
import { moment, title as titled } from "./words.js";

const VIEWS = [
  { path: "cameras", title: "Cameras", role: "status", load: () => import("./cameras.js") },
  { path: "recordings", title: "Recordings", role: "viewer", load: () => import("./recordings.js") },
  { path: "snapshots", title: "Snapshots", role: "viewer", load: () => import("./snapshots.js") },
  { path: "schedules", title: "Schedules", role: "status", load: () => import("./schedules.js") },
  { path: "storage", title: "Storage", role: "status", load: () => import("./storage.js") },
  { path: "health", title: "Health", role: "status", load: () => import("./health.js") },
  { path: "events", title: "Events", role: "status", load: () => import("./events.js") },
];
/** Not in the menu. */
const LOGIN = { path: "login", title: "Log in", role: "none", load: () => import("./login.js") };

const SESSION_MS = 20_000;
const ROLES = ["none", "status", "viewer", "operator", "admin"];

const rpc = new Connection("/ws");
const cameras = new Cameras(rpc);
const log = [];
const main = document.getElementById("main");

/** What a view is given: see above. */
class App {
  #abort = new AbortController();
  #ends = [];

  constructor(entry, args) {
    this.entry = entry;
    this.args = args;
    this.signal = this.#abort.signal;
    this.cameras = cameras;
    this.log = log;
    this.rpc = rpc;
  }

  get session() {
    return rpc.session;
  }

  call(method, params) {
    return rpc.call(method, params);
  }

  batch(calls) {
    return rpc.batch(calls);
  }

  on(topic, listener) {
    const end = rpc.on(topic, listener);
    this.onstop(end);
    return end;
  }

  every(ms, work) {
    const turn = () => {
      if (!document.hidden && rpc.state === "open") work();
    };
    const timer = setInterval(turn, ms);
    this.onstop(() => clearInterval(timer));
    document.addEventListener("visibilitychange", turn, { signal: this.signal });
    this.on("resumed", turn);
    turn();
  }

  onstop(work) {
    this.#ends.push(work);
  }

  can(role) {
    return ROLES.indexOf(role) <= ROLES.indexOf(rpc.session?.role ?? "none");
  }

  say(words, options = {}) {
    note(words, options);
  }

  fail(error) {
    note(error, { error: true });
  }

  ask(options) {
    return question(options);
  }

  show(title, content, options = {}) {
    const opened = sheet(title, content, options);
    this.onstop(opened.close);
    return opened;
  }

  go(path) {
    location.hash = `#/${path}`;
  }

  login() {
    if (shown?.entry !== LOGIN) sessionStorage.setItem("after-login", location.hash);
    this.go("login");
  }

  /** Be somebody else from now on: the cookie has changed. */
  reconnect() {
    rpc.reopen();
  }

  scope() {
    const inner = new App(this.entry, this.args);
    this.onstop(() => inner.stop());
    return inner;
  }

  stop() {
    this.#abort.abort();
    for (const work of this.#ends.splice(0)) work();
  }
}

/** What is shown: {entry, app, element, role, path}. */
let shown = null;

function route() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  const [path = "cameras", ...rest] = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const entry = path === LOGIN.path ? LOGIN : VIEWS.find((view) => view.path === path);
  return { entry: entry ?? VIEWS[0], args: entry ? rest : [] };
}

async function render() {
  if (!rpc.session) return;
  const { entry, args } = route();
  const role = rpc.session.role;
  if (shown?.entry === entry && shown.role === role) {
    if (shown.path === location.hash) return;
    shown.path = location.hash;
    shown.app.args = args;
    if (shown.element.turn && shown.element.turn(args) !== false) return;
  }
  const moved = shown !== null && (shown.entry !== entry || shown.role === role);
  shown?.app.stop();
  const app = new App(entry, args);
  const mine = { entry, app, role, path: location.hash, element: h("div") };
  shown = mine;
  document.title = `${entry.title} – webcam_rpc`;
  menu();
  try {
    const module = await (app.can(entry.role) ? entry.load() : import("./login.js"));
    if (shown !== mine) return;
    mine.element = app.can(entry.role) ? module.view(app) : module.refusal(app, entry);
  } catch (error) {
    if (shown !== mine) return;
    // The file did not come: the service is of another version by now, or gone.
    console.error(error);
    mine.element = h(
      "section",
      { class: "state" },
      icon("alert"),
      h("h1", {}, "This view could not be loaded"),
      h("p", {}, "The service may have been updated, or is not there."),
      h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Load the page again"),
    );
  }
  fill(main, mine.element);
  if (moved) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

/* The bar: the views, and who sits there. */

const nav = document.getElementById("views");
const toggle = document.getElementById("menu");

function menu() {
  const { entry } = route();
  fill(
    nav,
    VIEWS.map((view) =>
      h("a", { href: `#/${view.path}`, "aria-current": view === entry ? "page" : null }, view.title),
    ),
  );
  fold(false);
  who();
}

function fold(open) {
  toggle.setAttribute("aria-expanded", String(open));
  nav.classList.toggle("open", open);
}

toggle.prepend(icon("menu"));
toggle.addEventListener("click", () => fold(toggle.getAttribute("aria-expanded") !== "true"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && nav.classList.contains("open")) {
    fold(false);
    toggle.focus();
  }
});

function who() {
  const session = rpc.session;
  const place = document.getElementById("who");
  if (!session) return;
  const app = shown?.app ?? new App(LOGIN, []);
  const until = session.expires_at ? `, until ${moment(session.expires_at)}` : "";
  const name = session.authenticated ? session.name || "token without a name" : "not logged in";
  fill(
    place,
    h(
      "span",
      { class: "role", title: `${name}${until}` },
      h("span", { class: "unseen" }, `You are ${name}; your role is `),
      session.role === "none" ? "No access" : titled(session.role),
    ),
    session.authenticated
      ? h("button", { type: "button", class: "quiet", onclick: () => logout(app) }, "Log out")
      : h("button", { type: "button", class: "quiet", onclick: () => app.login() }, "Log in"),
  );
}

async function logout(app) {
  try {
    const answer = await fetch(here("/logout"), { method: "POST" });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    app.reconnect();
  } catch (error) {
    app.fail(error);
  }
}

/* The connection: said once when it is lost, and when it is there again. */

const link = document.getElementById("link");
let lostAt = null;
let late = null;

rpc.on("state", ({ state }) => {
  clearTimeout(late);
  document.documentElement.dataset.link = state;
  if (state === "open") {
    if (lostAt) link.classList.add("back");
    text(link, lostAt ? `Connected again.` : "");
    late = setTimeout(() => fill(link), 3000);
    link.classList.toggle("lost", false);
    lostAt = null;
    return;
  }
  if (state === "connecting" && rpc.session) return;
  if (state === "lost" && lostAt === null) {
    lostAt = new Date();
    link.classList.remove("back");
    link.classList.add("lost");
    fill(
      link,
      icon("unplug"),
      h(
        "span",
        {},
        rpc.session
          ? `The connection to the service is lost. What is shown is from ${moment(lostAt.toISOString())}; it is tried again by itself.`
          : "The service does not answer. It is tried again by itself.",
      ),
      h("button", { type: "button", class: "quiet", onclick: () => rpc.reopen() }, "Try now"),
    );
  }
});

/* The log of events lives as long as the page, whichever view is shown. */

const KEPT = 1000;

function keep(entry) {
  log.push(entry);
  if (log.length > KEPT) log.splice(0, log.length - KEPT);
}

rpc.on("event", (topic, params) => keep({ topic, params, replayed: Boolean(params.replayed) }));
rpc.on("resumed", ({ first, replayed, lost }) => {
  if (!first) keep({ topic: "connection", params: { timestamp: new Date().toISOString(), replayed, lost } });
});
rpc.on("session", (session) => {
  who();
  render();
});
// A token may end or be revoked while the page is open, and nothing tells: what is offered must not lag far behind.
setInterval(() => {
  if (!document.hidden && rpc.state === "open") rpc.refreshSession().catch(() => {});
}, SESSION_MS);

addEventListener("hashchange", render);
document.querySelector(".skip").addEventListener("click", (event) => {
  // Its address would be taken for a view's.
  event.preventDefault();
  main.focus();
});

fill(main, h("p", { class: "state" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Connecting…"));
rpc.open();
