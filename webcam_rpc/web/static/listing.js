// What lists are made from: rows that stay the same elements, facts, notices, and when to look again.

import { h, icon } from "./dom.js";

/** A notice inside a view: `kind` is info, warn or bad. What is bad is read out at once. */
export function notice(kind, words, remedy = null, ...more) {
  return h(
    "div",
    { class: ["notice", kind], role: kind === "bad" ? "alert" : null },
    icon(kind === "info" ? "info" : "alert"),
    h("div", {}, h("p", {}, words), remedy && h("p", { class: "remedy" }, remedy), more),
  );
}

/** A moment: words for people, the whole for programs. */
export function time(timestamp, words) {
  return h("time", { datetime: timestamp }, words);
}

/** What is known, as name and value; pairs without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "known" }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/**
 * Look at once, soon after each `again()` (several count as one), after each connection, and every `every` ms.
 *
 * `fetch` gives what there is, `draw` shows it and `failed` what went wrong; a look that a later one has overtaken shows
 * nothing. Gives `{now, again}`.
 */
export function looking(app, fetch, draw, failed, { every = 0 } = {}) {
  let turn = 0;
  let waiting = null;
  async function now() {
    clearTimeout(waiting);
    waiting = null;
    turn += 1;
    const mine = turn;
    const over = () => mine !== turn || app.signal.aborted;
    try {
      const found = await fetch();
      if (!over()) draw(found);
    } catch (error) {
      if (!over()) failed(error);
    }
  }
  function again() {
    if (waiting === null && !app.signal.aborted) waiting = setTimeout(now, 150);
  }
  app.onstop(() => clearTimeout(waiting));
  app.on("resumed", ({ first } = {}) => first || again());
  if (every) app.every(every, again);
  else document.addEventListener("visibilitychange", () => document.hidden || again(), { signal: app.signal });
  now();
  return { now, again };
}

/** Put items into `place` by key: what was there stays the same element, and keeps its focus. */
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
