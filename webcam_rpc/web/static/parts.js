// What views are put together from: states of loading, buttons that wait, notes, questions, dialogs.

import { h, fill, icon } from "./dom.js";
import { fault } from "./words.js";

/**
 * Show what a call gives: loading at first, the content, or what is wrong with a button to try again. It is fetched anew
 * after each connection, with the old content in place meanwhile.
 *
 *     const list = loaded(app, () => app.call("list_schedules"), (result) => table(result));
 *     list.element;  list.refresh();
 *
 * `render` gives a node or a list of nodes; null shows `empty` ({icon, title, text}), undefined leaves what is there.
 */
export function loaded(app, fetch, render, { empty = null, label = "Loading…" } = {}) {
  const element = h("div", { class: "loaded", "aria-busy": "true" }, waiting(label));
  let turn = 0;
  let filled = false;
  async function refresh() {
    const mine = ++turn;
    element.setAttribute("aria-busy", "true");
    try {
      const result = await fetch();
      if (mine !== turn || app.signal.aborted) return;
      const content = render(result);
      if (content !== undefined) fill(element, content ?? (empty && nothing(empty)));
      filled = true;
    } catch (error) {
      if (mine !== turn || app.signal.aborted) return;
      // Without a connection the page says so by itself; what has been shown stays until there is something newer.
      if (filled && error.code == null) return;
      filled = false;
      fill(element, wrong(error, refresh));
    } finally {
      if (mine === turn) element.setAttribute("aria-busy", "false");
    }
  }
  app.on("resumed", refresh);
  refresh();
  return { element, refresh };
}

/** Say that something is on its way. */
export function waiting(label = "Loading…") {
  return h("p", { class: "state" }, h("span", { class: "spinner", "aria-hidden": "true" }), label);
}

/** Say that there is nothing, and why that may be. */
export function nothing({ icon: name = "info", title, text, action = null }) {
  return h("div", { class: "state" }, icon(name), h("p", { class: "state-title" }, title), text && h("p", {}, text), action);
}

/** Say what is wrong, with a button to try again. */
export function wrong(error, again = null) {
  return h(
    "div",
    { class: "state bad", role: "alert" },
    icon(error?.code === -32002 ? "lock" : "alert"),
    h("p", { class: "state-title" }, fault(error)),
    again && h("button", { type: "button", onclick: again }, "Try again"),
  );
}

/** Make a button that cannot be pressed again until what it does is done; what goes wrong is said. */
export function busy(app, attributes, label, work) {
  const button = h("button", { type: "button", ...attributes }, label);
  button.addEventListener("click", async () => {
    // aria-disabled and not disabled: that would take the focus away from whoever uses the keyboard.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    button.classList.add("busy");
    try {
      await work(button);
    } catch (error) {
      if (!app.signal.aborted) app.fail(error);
    } finally {
      button.removeAttribute("aria-disabled");
      button.classList.remove("busy");
    }
  });
  return button;
}

const LONG = 6000;
const MOST = 4;

/** Show a note; errors stay until they are put away. */
export function note(words, { error = false, link = null } = {}) {
  const place = document.getElementById("notes");
  const close = () => element.remove();
  const message = words instanceof Error ? fault(words) : words;
  const element = h(
    "div",
    { class: ["note", error && "bad"], role: error ? "alert" : null },
    icon(error ? "alert" : "check"),
    h("span", {}, message, link && [" ", h("a", { href: link.href }, link.text)]),
    h("button", { type: "button", class: "quiet round", "aria-label": "Put this note away", onclick: close }, icon("cross")),
  );
  // The same is not said twice at a time.
  for (const old of [...place.children]) if (old.textContent === element.textContent) old.remove();
  place.append(element);
  while (place.children.length > MOST) place.firstElementChild.remove();
  if (!error) {
    let timer = setTimeout(close, LONG);
    const stay = () => clearTimeout(timer);
    const leave = () => (timer = setTimeout(close, LONG / 2));
    element.addEventListener("pointerenter", stay);
    element.addEventListener("focusin", stay);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("focusout", leave);
  }
}

let numbered = 0;

/** Show a dialog; gives {element, close(), closed: a promise of what it was closed with}. */
export function sheet(title, content, { wide = false, actions = null } = {}) {
  const id = `dialog-${++numbered}`;
  const close = (value = "") => dialog.open && dialog.close(value);
  const dialog = h(
    "dialog",
    { class: wide ? "wide" : null, "aria-labelledby": id },
    h(
      "header",
      {},
      h("h2", { id }, title),
      h("button", { type: "button", class: "quiet round", "aria-label": "Close", onclick: () => close() }, icon("cross")),
    ),
    h("div", { class: "dialog-content" }, content),
    actions && h("footer", {}, actions),
  );
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue);
      dialog.remove();
    });
  });
  // A press on what is behind it closes it, as people expect.
  dialog.addEventListener("pointerdown", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return { element: dialog, close, closed };
}

/** Ask whether something is really meant. */
export async function question({ title, text, action, danger = false }) {
  const opened = sheet(title, h("p", {}, text), {
    actions: [
      h("button", { type: "button", autofocus: true, onclick: () => opened.close("") }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", onclick: () => opened.close("yes") }, action),
    ],
  });
  return (await opened.closed) === "yes";
}
