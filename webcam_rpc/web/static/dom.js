// Makes elements. Text is always a text node: whatever a device, a file or a person is called, it is never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element: h("button", { class: "primary", onclick: go, disabled: true }, "Go").
 *
 * Attributes: on… is a listener; class a string or a list whose empty parts are left out; style and dataset objects; a
 * property of the element (value, checked, disabled, hidden …) is set as such; anything else is an attribute. null,
 * undefined and false leave an attribute out, true writes an empty one. Children: nodes, texts, numbers, lists of those;
 * null, undefined and false are left out.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  add(element, children);
  return element;
}

/** Put other children in the place of those of an element; gives the element. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Set the text of an element, if it is another one: what is the same is not announced again. */
export function text(element, value) {
  const words = value == null ? "" : String(value);
  if (element.textContent !== words) element.textContent = words;
}

/** Give the address of a path of the service: it may be below another one where a proxy has it, such as /webcam/. */
export function here(path) {
  return new URL(path.replace(/^\/+/, ""), new URL(".", location.href)).href;
}

/** Give an icon of those below; it is for the eye only, so words go beside it. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.info);
  drawing.append(path);
  return drawing;
}

const ICONS = {
  camera: "M4 7h3l2-3h6l2 3h3v13H4zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
  record: "M12 18a6 6 0 1 0 0-12 6 6 0 0 0 0 12z",
  stop: "M7 7h10v10H7z",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  alert: "M12 4 2.5 20h19zM12 10v5M12 17.5v.5",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.5",
  check: "M5 12.5 10 17.5 19.5 7",
  cross: "M6 6l12 12M18 6 6 18",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  unplug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-6 6zM12 17v4M3 3l18 18",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  trash: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
  shield: "M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6z",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
  menu: "M4 7h16M4 12h16M4 17h16",
  edit: "M5 19h4L19 9l-4-4L5 15zM13 7l4 4",
  back: "M14 6l-6 6 6 6",
  refresh: "M20 12a8 8 0 1 1-2.5-5.8M20 4v4.5h-4.5",
  plus: "M12 5v14M5 12h14",
  expand: "M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5",
};

function set(element, name, value) {
  if (value == null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "class") element.className = Array.isArray(value) ? value.filter(Boolean).join(" ") : value;
  // By the object model: an attribute would be inline style, which the page's policy forbids.
  else if (name === "style" || name === "dataset") Object.assign(element[name], value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

// value comes after min, max and step in every call: a range input clamps what it is given by those that it has.
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "muted", "open", "indeterminate"]);

function add(element, children) {
  for (const child of children) {
    if (child == null || child === false || child === true) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}
