// Lists of files, newest first, as recordings and snapshots have them: pages, filter, download, protect, delete.
//
// Owns what both views share; what a file looks like and how it is shown is theirs. Files that others delete are not
// told of, so each action may find that its file has gone: then it says so, and the list is looked at again.

import { h } from "./dom.js";
import { ask, button, dialog, failure, Looking, may, notice, settle } from "./listing.js";
import { bytes, fault } from "./words.js";

const PAGE = 24;
const MOST = 1000;

export class Files {
  /**
   * @param app the dashboard.
   * @param kind "recording" or "snapshot", as the methods are named.
   * @param row makes `{element, update(file)}` of a file.
   * @param show fills a dialog: `show(info, place) -> stop`.
   */
  constructor(app, kind, { row, show, empty, listClass }) {
    this.app = app;
    this.kind = kind;
    this._row = row;
    this._show = show;
    this._empty = empty;
    this._wanted = PAGE;
    this._camera = "";
    this._files = [];
    this._rows = new WeakMap();
    this._names = new Map();
    this._state = h("div", {}, notice("loading", "Loading…"));
    this._list = h("ul", { class: `files ${listClass}` });
    this._count = h("p", { class: "count", role: "status" });
    this._more = button("Show more", () => this._next());
    this._more.hidden = true;
    this._filter = h("select", { id: `${kind}-camera` }, h("option", { value: "" }, "All cameras"));
    this._filter.addEventListener("change", () => {
      this._camera = this._filter.value;
      this._wanted = PAGE;
      this._looking.now();
    });
    this.bar = h(
      "div",
      { class: "bar" },
      h("label", { for: this._filter.id }, "Camera "),
      this._filter,
      this._count,
    );
    this.elements = [this.bar, this._state, this._list, h("div", { class: "more" }, this._more)];
    this._looking = new Looking((current) => this._look(current));
    this._looking.now();
  }

  stop() {
    this._looking.stop();
    this._opened?.close();
  }

  /** Look again soon. */
  again() {
    this._looking.again();
  }

  /** What a camera is called. */
  camera(id) {
    return id === null ? "unknown camera" : (this._names.get(id) ?? id);
  }

  async _look(current) {
    try {
      const params = { limit: Math.min(this._wanted, MOST) };
      if (this._camera) params.device = this._camera;
      const [page, cameras] = await Promise.all([
        this.app.call(`list_${this.kind}s`, params),
        this.app.call("get_camera_list"),
      ]);
      if (!current()) return;
      this._cursor = page.next_cursor;
      this._total = page.total;
      this._files = page.files;
      this._name(cameras.cameras);
      this._draw();
    } catch (error) {
      if (!current()) return;
      // Who may not see them any more must not go on seeing them.
      if (error.code === -32001 || error.code === -32002) this._files = [];
      if (this._camera && error.code === -32010) {
        this._camera = this._filter.value = "";
        this._looking.again();
        return;
      }
      this._draw();
      this._state.replaceChildren(failure(error, () => this._looking.now()));
      this._more.hidden = true;
    }
  }

  async _next() {
    const before = this._files.length;
    const params = { limit: PAGE, cursor: this._cursor };
    if (this._camera) params.device = this._camera;
    try {
      const page = await this.app.call(`list_${this.kind}s`, params);
      const known = new Set(this._files.map((file) => file.filename));
      this._files = [...this._files, ...page.files.filter((file) => !known.has(file.filename))];
      this._wanted = this._files.length;
      this._cursor = page.next_cursor;
      this._total = page.total;
      this._draw();
      // The button may be gone now; the first of the new ones is where to go on.
      if (this._more.hidden) this._list.children[before]?.querySelector("button, a")?.focus();
    } catch (error) {
      this._state.replaceChildren(failure(error));
    }
  }

  _name(cameras) {
    for (const camera of cameras) this._names.set(camera.camera_id, camera.alias ?? camera.name);
    const ids = new Set([...cameras.map((camera) => camera.camera_id), ...this._files.map((file) => file.camera_id)]);
    ids.delete(null);
    const known = new Set([...this._filter.options].map((option) => option.value));
    for (const id of ids) if (!known.has(id)) this._filter.append(h("option", { value: id }, id));
    for (const option of this._filter.options) if (option.value) option.textContent = this.camera(option.value);
  }

  _draw() {
    settle(
      this._list,
      this._files,
      (file) => file.filename,
      (file) => {
        const row = this._row(file, this);
        this._rows.set(row.element, row);
        row.update(file);
        return row.element;
      },
      (element, file) => this._rows.get(element).update(file),
    );
    const none = this._files.length === 0;
    this._state.replaceChildren(...(none ? [notice("empty", this._camera ? "None of this camera." : this._empty)] : []));
    this._count.textContent = none ? "" : `${this._files.length} of ${this._total}`;
    this._more.hidden = !this._cursor || this._files.length >= MOST;
  }

  /** The link that downloads a file. */
  download(file) {
    return h(
      "a",
      {
        class: "button",
        href: file.download_url,
        download: file.filename,
        "aria-label": `Download ${file.filename}, ${bytes(file.file_size)}`,
      },
      "Download",
    );
  }

  /** The button that deletes a file, after a question; nothing for those who may not. */
  remover(file, closing = null) {
    if (!may(this.app, "operator")) return null;
    const remove = () => {
      const index = this._files.findIndex((other) => other.filename === file.filename);
      const title = `Delete this ${this.kind}?`;
      ask(title, `${file.filename} (${bytes(file.file_size)}) will be gone for good.`, "Delete", async () => {
        try {
          await this.app.call(`delete_${this.kind}`, { filename: file.filename });
        } catch (error) {
          if (error.code !== -32010) throw error;
        }
        closing?.();
        this._files = this._files.filter((other) => other.filename !== file.filename);
        this._total -= 1;
        this._draw();
        this._looking.again();
      }, () => this._near(index));
    };
    return button("Delete", remove, { class: "danger", "aria-label": `Delete ${file.filename}` });
  }

  /** What takes the focus where a file was: the one in its place, the one before, or the filter. */
  _near(index) {
    const rows = this._list.children;
    const row = rows[Math.min(index, rows.length - 1)];
    return row?.querySelector("button, a") ?? this._filter;
  }

  /** Show a file in a dialog, with ways to the next and the one before. */
  open(filename) {
    const opener = document.activeElement;
    const place = h("div", { class: "shown" });
    const earlier = button("Earlier", () => step(1));
    const later = button("Later", () => step(-1));
    const actions = h("footer", { class: "actions" });
    let at = filename;
    let stop = null;
    let turn = 0;
    const step = (by) => {
      const next = this._files[this._files.findIndex((file) => file.filename === at) + by];
      if (next) load(next.filename);
    };
    const load = async (name) => {
      at = name;
      turn += 1;
      const mine = turn;
      stop?.();
      stop = null;
      opened.querySelector("h2").textContent = name;
      place.replaceChildren(notice("loading", "Loading…"));
      actions.replaceChildren();
      const index = this._files.findIndex((file) => file.filename === name);
      later.setAttribute("aria-disabled", String(index <= 0));
      earlier.setAttribute("aria-disabled", String(index < 0 || index >= this._files.length - 1));
      try {
        const info = await this.app.call(`get_${this.kind}_info`, { filename: name });
        if (mine !== turn) return;
        place.replaceChildren();
        stop = this._show(info, place, this);
        actions.replaceChildren(...[this.download(info), this.remover(info, () => opened.close())].filter(Boolean));
      } catch (error) {
        if (mine !== turn) return;
        place.replaceChildren(failure(error, error.code === -32010 ? null : () => load(name)));
        if (error.code === -32010) this._looking.again();
      }
    };
    const opened = dialog(filename, [place, h("div", { class: "bar" }, later, earlier, actions)], {
      wide: true,
      closed: () => {
        turn += 1;
        stop?.();
        this._opened = null;
      },
      home: () => (opener?.isConnected ? opener : this._near(0)),
    });
    opened.addEventListener("keydown", (event) => {
      // A video has its own use for the arrows.
      if (event.target.matches("video, input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    });
    this._opened = opened;
    load(filename);
  }

  /** Say why a file could not be shown: what the service says of it, or else what `otherwise` does. */
  async missing(filename, otherwise) {
    try {
      await this.app.call(`get_${this.kind}_info`, { filename });
      return otherwise();
    } catch (error) {
      if (error.code === -32010) this._looking.again();
      return notice("error", fault(error));
    }
  }
}
