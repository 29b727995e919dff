// What the views have in common: notices, dialogs, questions, buttons that are at work, and when to look again.
//
// A dialog is a real <dialog>: Escape closes it, focus stays in it and goes back to where it was.

import { h } from "./dom.js";
import { fault } from "./words.js";

/** A line of state: `kind` is loading, empty, error or note. Errors are spoken at once, the rest when there is time. */
export function notice(kind, text, remedy = null, ...more) {
  return h(
    "div",
    { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    h("p", {}, text),
    remedy ? h("p", { class: "remedy" }, remedy) : null,
    ...more,
  );
}

/** The notice of a failure, with a button to try again where that may help. */
export function failure(error, again = null) {
  return notice("error", fault(error), null, again ? button("Try again", again) : null);
}

/** A button; while what it does goes on it is busy and does nothing else. */
export function button(label, act, attributes = {}) {
  const made = h("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", async () => {
    // Not `disabled`: that would take the focus away.
    if (made.getAttribute("aria-busy") === "true") return;
    made.setAttribute("aria-busy", "true");
    try {
      await act(made);
    } finally {
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

/** A moment: short for the eye, whole for programs. */
export function time(text, shown) {
  return h("time", { datetime: text }, shown);
}

/** A description list of what is known; pairs without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, ...known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

let dialogs = 0;

/**
 * Open a dialog. `closed` is called when it is over, whoever closed it; `home` is what gets the focus where what had it
 * before is gone by then.
 */
export function dialog(title, contents, { closed = null, home = null, wide = false } = {}) {
  dialogs += 1;
  const before = document.activeElement;
  const heading = h("h2", { id: `dialog-${dialogs}` }, title);
  const opened = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": heading.id },
    h("header", {}, heading, button("Close", () => opened.close(), { class: "quiet" })),
    ...contents,
  );
  opened.addEventListener("close", () => {
    opened.remove();
    const target = before?.isConnected && before !== document.body ? before : home?.();
    target?.focus();
    closed?.();
  });
  document.body.append(opened);
  opened.showModal();
  return opened;
}

/** Ask, and do it on yes. What goes wrong is told in the dialog, which then stays. */
export function ask(title, text, label, act, home = null) {
  const told = h("div", { role: "alert" });
  const yes = button(
    label,
    async () => {
      told.replaceChildren();
      try {
        await act();
        opened.close();
      } catch (error) {
        told.replaceChildren(h("p", { class: "error" }, fault(error)));
      }
    },
    { class: "danger" },
  );
  const no = button("Keep", () => opened.close(), { autofocus: "" });
  const opened = dialog(title, [h("p", {}, text), told, h("footer", { class: "actions" }, no, yes)], { home });
  return opened;
}

/** Whether `app`'s user may do what needs a role. */
const ROLES = ["none", "status", "viewer", "operator", "admin"];
export function may(app, role) {
  return ROLES.indexOf(app.role) >= ROLES.indexOf(role);
}

/**
 * Looks again: `look` is called at once, soon after each `again()` (several count as one), and every `every` seconds
 * while the page is seen. A look that is overtaken by a later one shows nothing: `look` gets `current`, which tells.
 */
export class Looking {
  constructor(look, { every = 0, soon = 200 } = {}) {
    this._look = look;
    this._soon = soon;
    this._turn = 0;
    this._waiting = null;
    this._visible = () => {
      if (!document.hidden) this.again();
    };
    this._timer = every ? setInterval(() => document.hidden || this.again(), every * 1000) : null;
    document.addEventListener("visibilitychange", this._visible);
  }

  now() {
    clearTimeout(this._waiting);
    this._waiting = null;
    this._turn += 1;
    const turn = this._turn;
    return this._look(() => turn === this._turn);
  }

  again() {
    if (this._turn < 0 || this._waiting !== null) return;
    this._waiting = setTimeout(() => this.now(), this._soon);
  }

  stop() {
    clearTimeout(this._waiting);
    clearInterval(this._timer);
    document.removeEventListener("visibilitychange", this._visible);
    this._turn = NaN;
    this.again = () => {};
  }
}

/** Put what is shown into `place` by key: what was there stays the same element, and keeps its focus. */
export function settle(place, items, key, make, update) {
  const wanted = new Map(items.map((item) => [key(item), item]));
  const there = new Map();
  for (const child of [...place.children]) {
    if (wanted.has(child.dataset.key)) there.set(child.dataset.key, child);
    else child.remove();
  }
  let last = null;
  for (const [name, item] of wanted) {
    let element = there.get(name);
    if (element) {
      update(element, item);
    } else {
      element = make(item);
      element.dataset.key = name;
    }
    // Moving an element takes its focus away, so only what is not in its place is moved.
    const next = last ? last.nextElementSibling : place.firstElementChild;
    if (element !== next) place.insertBefore(element, next);
    last = element;
  }
}
