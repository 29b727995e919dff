// A camera's controls as its driver has them: sliders, switches, menus, buttons.
//
// What is shown is always what was read back. While a slider is moved one value at a time is on its way, and the newest
// goes next: a camera takes as long as it takes.

import { h, fill, icon, text } from "./dom.js";
import { busy, loaded, nothing } from "./parts.js";
import { fault, title } from "./words.js";

/** Others that this one has set free or taken over (auto_… and the like) are known a moment later. */
const SETTLES = 400;
/** A range that is not one is shown as a number: drivers say what they like. */
const FIXED = new Set(["read-only", "grabbed", "disabled"]);

export function controls(app, camera) {
  const device = camera.camera_id;
  const operates = app.can("operator");
  const keep = h("input", { type: "checkbox", id: "keep-controls" });
  let rows = new Map();
  let timer = null;

  const list = loaded(app, () => app.call("get_camera_controls", { device }), render, {
    label: "Asking the camera…",
    empty: { icon: "sliders", title: "This camera has no controls", text: "Its driver offers none." },
  });

  function render(result) {
    if (!result.controls.length) return null;
    const same = rows.size === result.controls.length && result.controls.every((control) => rows.get(control.name)?.fits(control));
    if (same && [...rows.values()][0].element.isConnected) {
      for (const control of result.controls) rows.get(control.name).update(control);
      return undefined; // whoever moves one of them keeps it under the finger
    }
    rows = new Map(result.controls.map((control) => [control.name, row(app, device, control, { operates, set })]));
    return h("div", { class: "controls" }, [...rows.values()].map(({ element }) => element));
  }

  /** Set one; gives the reason why it was not taken, or null. */
  async function set(name, value) {
    const answer = await app.call("set_camera_controls", { device, controls: { [name]: value }, persist: keep.checked });
    take(answer.applied);
    later();
    return answer.rejected[name] ?? null;
  }

  function take(values) {
    for (const [name, value] of Object.entries(values ?? {})) rows.get(name)?.value(value);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(list.refresh, SETTLES);
  }
  app.onstop(() => clearTimeout(timer));
  app.on("camera_control_update", (params) => {
    if (params.camera_id !== device) return;
    take(params.controls);
    later();
  });
  app.on("camera_status_update", (params) => params.camera_id === device && params.status === "CONNECTED" && later());

  const reset = busy(app, { class: "action" }, [icon("refresh"), "Reset all"], async () => {
    const sure = await app.ask({
      title: "Reset all controls?",
      text: `Every control of ${app.cameras.name(device)} goes back to what its driver calls the default, and what was kept is forgotten.`,
      action: "Reset all",
    });
    if (!sure) return;
    const answer = await app.call("reset_camera_controls", { device });
    take(answer.applied);
    later();
    const refused = Object.keys(answer.rejected);
    app.say(refused.length ? `Reset, but for ${refused.map(title).join(", ")}.` : "The controls are at their defaults.");
  });

  return [
    operates &&
      h(
        "div",
        { class: "tools" },
        h("label", { class: "check", for: "keep-controls" }, keep, "Keep what I set, after replugging and restarts too"),
        reset,
      ),
    !operates && h("p", { class: "hint" }, "Whoever has the role operator can change these."),
    list.element,
  ];
}

function row(app, device, first, { operates, set }) {
  const id = `control-${first.name}`;
  const problem = h("p", { class: "problem", role: "alert", id: `${id}-problem` });
  const note = h("p", { class: "hint" });
  let control = first;
  const made = input();
  const undo = h(
    "button",
    { type: "button", class: "quiet small undo", "aria-label": `Set ${title(first.name)} back to its default`, hidden: true },
    icon("refresh"),
  );
  undo.addEventListener("click", () => {
    made.show(control.default);
    send(control.default);
    made.focus();
  });

  // One on its way, and the newest after it.
  let sending = false;
  let next;
  async function send(value) {
    if (sending) {
      next = { value };
      return;
    }
    sending = true;
    text(problem, "");
    try {
      const refused = await set(control.name, value);
      if (refused && !next) {
        text(problem, `Not taken: ${refused}`);
        made.show(control.value);
      }
    } catch (error) {
      if (!next) {
        text(problem, fault(error));
        made.show(control.value);
      }
    } finally {
      sending = false;
      const waiting = next;
      next = undefined;
      if (waiting) send(waiting.value);
    }
  }

  /** The input for its type: {nodes, show(value), allow(boolean), focus()}. */
  function input() {
    const described = { "aria-describedby": `${id}-problem` };
    switch (first.type) {
      case "bool": {
        const box = h("input", { type: "checkbox", role: "switch", class: "switch", id, ...described });
        box.addEventListener("change", () => send(box.checked));
        return simple(box, (value) => (box.checked = Boolean(value)));
      }
      case "menu":
      case "intmenu": {
        const choices = first.menu.map((item) => h("option", { value: String(item.value) }, item.name));
        const menu = h("select", { id, ...described }, choices);
        menu.addEventListener("change", () => send(Number(menu.value)));
        return simple(menu, (value) => {
          menu.value = String(value);
          // A value that the menu does not list: drivers do that.
          if (menu.selectedIndex < 0 && value != null) {
            menu.prepend(h("option", { value: String(value) }, String(value)));
            menu.value = String(value);
          }
        });
      }
      case "button": {
        const button = h("button", { type: "button", id, ...described }, title(first.name));
        button.addEventListener("click", () => send(1));
        return simple(button, () => {});
      }
      case "int":
      case "int64":
        return number(described);
      case "str": {
        const field = h("input", { type: "text", id, ...described });
        field.addEventListener("change", () => send(field.value));
        return simple(field, (value) => (field.value = value ?? ""));
      }
      default: {
        // A mask of bits, an array, a compound: shown, since no input does it justice.
        const output = h("output", { id });
        return { ...simple(output, (value) => text(output, value ?? "not shown")), allow: () => {} };
      }
    }
  }

  function simple(element, show) {
    return { nodes: [element], show, allow: (yes) => (element.disabled = !yes), focus: () => element.focus() };
  }

  function number(described) {
    const { min, max } = first;
    const step = first.step > 0 ? first.step : 1;
    const field = h("input", { type: "number", id: `${id}-number`, step, min, max, "aria-label": title(first.name), ...described });
    const slides = min != null && max != null && max > min && (max - min) / step <= 100_000;
    const slider = slides && h("input", { type: "range", id, min, max, step, ...described });
    const ask = (value) => {
      if (Number.isFinite(value)) send(Math.round(value));
    };
    slider &&
      slider.addEventListener("input", () => {
        field.value = slider.value;
        ask(slider.valueAsNumber);
      });
    field.addEventListener("change", () => {
      if (slider) slider.value = field.value;
      ask(field.valueAsNumber);
    });
    if (!slider) field.id = id;
    return {
      nodes: slider ? [slider, field] : [field],
      show(value) {
        if (slider) slider.value = value ?? min;
        field.value = value ?? "";
      },
      allow(yes) {
        field.disabled = !yes;
        if (slider) slider.disabled = !yes;
      },
      focus: () => (slider || field).focus(),
    };
  }

  const isButton = first.type === "button";
  const name = isButton ? h("span", { class: "name" }, title(first.name)) : h("label", { class: "name", for: id }, title(first.name));
  const element = h(
    "div",
    { class: ["control", `is-${first.type}`] },
    name,
    h("div", { class: "input" }, made.nodes, undo),
    note,
    problem,
  );

  function update(changed) {
    control = changed;
    const fixed = control.flags.find((flag) => FIXED.has(flag));
    const inactive = control.flags.includes("inactive");
    made.allow(operates && !fixed && !inactive);
    element.classList.toggle("inactive", Boolean(inactive || fixed));
    text(
      note,
      inactive
        ? "Another control rules this one at the moment, an automatic mode for example."
        : fixed === "grabbed"
          ? "Another program holds this control."
          : fixed
            ? "It can be read only."
            : "",
    );
    value(control.value);
  }

  function value(changed) {
    control = { ...control, value: changed };
    // What somebody is moving at this moment is not pulled from under the finger.
    if (!sending) made.show(changed);
    const other = operates && !isButton && control.default != null && changed !== control.default;
    undo.hidden = !other || control.flags.includes("inactive") || control.flags.some((flag) => FIXED.has(flag));
    undo.title = control.default != null ? `Default: ${control.default}` : "";
  }

  update(first);
  const shape = JSON.stringify([first.type, first.min, first.max, first.step, first.menu]);
  return {
    element,
    update,
    value,
    fits: (other) => JSON.stringify([other.type, other.min, other.max, other.step, other.menu]) === shape,
  };
}
