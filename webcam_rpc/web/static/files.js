// Lists of files, newest first, as recordings and snapshots have them: pages, filter, download, show, delete.
//
// Owns what both views share; what a file looks like and how it is shown is theirs. Nobody is told of files that others
// delete, so each action may find that its file has gone: then it says so, and the list is looked at again.

import { h, here, fill, icon, text } from "./dom.js";
import { looking, notice, settle } from "./listing.js";
import { busy, nothing, sheet, waiting, wrong } from "./parts.js";
import { bytes, fault } from "./words.js";

const PAGE = 24;
const MOST = 1000;
const NOT_FOUND = -32010;
const REFUSED = new Set([-32001, -32002]);

export class Files {
  /**
   * @param kind "recording" or "snapshot", as the methods are named.
   * @param row makes `{element, update(file)}` of a file.
   * @param listed is called with the files of each list that came.
   * @param show fills a place with what is known of a file, and gives what ends that: `show(info, place) -> stop`.
   */
  constructor(app, kind, { row, show, empty, listClass, listed = () => {} }) {
    this.app = app;
    this.kind = kind;
    this._row = row;
    this._show = show;
    this._empty = empty;
    this._wanted = PAGE;
    this._camera = "";
    this._files = [];
    this._total = 0;
    this._rows = new WeakMap();
    this._ids = new Set();
    this._opened = null;
    this._state = h("div", {}, waiting());
    this._list = h("ul", { class: ["files", listClass] });
    this._count = h("p", { class: "hint", role: "status" });
    this._more = busy(app, {}, "Show more", () => this._next());
    this._more.hidden = true;
    this._filter = h("select", { id: `${kind}-camera` }, h("option", { value: "" }, "All cameras"));
    this._filter.addEventListener("change", () => {
      this._camera = this._filter.value;
      this._wanted = PAGE;
      this._looking.now();
    });
    this.elements = [
      h("div", { class: "tools" }, h("label", { for: this._filter.id }, "Camera"), this._filter, this._count),
      this._state,
      this._list,
      h("div", { class: "more" }, this._more),
    ];
    this._looking = looking(
      app,
      () => app.call(`list_${kind}s`, this._params({ limit: Math.min(this._wanted, MOST) })),
      (page) => {
        this._files = page.files;
        this._paged(page);
        listed(page.files);
      },
      (error) => this._failed(error),
    );
    app.onstop(app.cameras.on(() => this._draw()));
  }

  /** Look again soon. */
  again() {
    this._looking.again();
  }

  /** Show the rows again: what is known beside the list has changed. */
  redraw() {
    this._draw();
  }

  /** What a camera is called. */
  camera(id) {
    return id === null ? "unknown camera" : this.app.cameras.name(id);
  }

  _params(params) {
    return this._camera ? { ...params, device: this._camera } : params;
  }

  _failed(error) {
    // Without a connection the page says so by itself.
    if (error.code == null && this._files.length) return;
    if (this._camera && error.code === NOT_FOUND) {
      // The last file of a camera that is no longer known.
      this._camera = this._filter.value = "";
      this._looking.again();
      return;
    }
    // Who may not see them any more must not go on seeing them.
    if (REFUSED.has(error.code)) this._files = [];
    this._draw();
    fill(this._state, wrong(error, () => this._looking.now()));
    this._more.hidden = true;
  }

  async _next() {
    const before = this._files.length;
    const page = await this.app.call(`list_${this.kind}s`, this._params({ limit: PAGE, cursor: this._cursor }));
    const known = new Set(this._files.map((file) => file.filename));
    this._files = [...this._files, ...page.files.filter((file) => !known.has(file.filename))];
    this._wanted = this._files.length;
    this._paged(page);
    // The button may be gone now; the first of the new ones is where to go on.
    if (this._more.hidden) this._list.children[before]?.querySelector("button, a")?.focus();
  }

  _paged(page) {
    this._cursor = page.next_cursor;
    this._total = page.total;
    this._more.hidden = !page.next_cursor || this._files.length >= MOST;
    this._loaded = true;
    this._draw();
  }

  _draw() {
    for (const { camera_id } of [...this.app.cameras.all(), ...this._files])
      if (camera_id !== null && !this._ids.has(camera_id)) {
        this._ids.add(camera_id);
        this._filter.append(h("option", { value: camera_id }));
      }
    for (const option of this._filter.options) if (option.value) text(option, this.camera(option.value));
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
    if (!this._loaded) return;
    const none = this._files.length === 0;
    fill(this._state, none && nothing(this._camera ? { ...this._empty, title: "There is none of this camera" } : this._empty));
    text(this._count, none ? "" : `${this._files.length} of ${this._total}`);
  }

  /** The link that downloads a file. */
  download(file) {
    return h(
      "a",
      {
        class: "button",
        href: here(file.download_url),
        download: file.filename,
        "aria-label": `Download ${file.filename}, ${bytes(file.file_size)}`,
      },
      icon("download"),
      "Download",
    );
  }

  /** The button that deletes a file, after a question; nothing for those who may not. */
  remover(file, closing = null) {
    if (!this.app.can("operator")) return null;
    const remove = async () => {
      const title = `Delete this ${this.kind}?`;
      const question = { title, text: `${file.filename} (${bytes(file.file_size)}) will be gone for good.` };
      if (!(await this.app.ask({ ...question, action: "Delete", danger: true }))) return;
      try {
        await this.app.call(`delete_${this.kind}`, { filename: file.filename });
      } catch (error) {
        // Somebody else was quicker.
        if (error.code !== NOT_FOUND) throw error;
      }
      closing?.();
      const place = this._files.findIndex((other) => other.filename === file.filename);
      this._files = this._files.filter((other) => other.filename !== file.filename);
      this._total -= 1;
      this._draw();
      this._focus(place);
      this.app.say(`${file.filename} is deleted.`);
      this._looking.again();
    };
    return busy(this.app, { class: "danger", "aria-label": `Delete ${file.filename}` }, [icon("trash"), "Delete"], remove);
  }

  /** Give the focus to what is in a place of the list now, or the one before, or the filter: it went with its row. */
  _focus(place) {
    const rows = this._list.children;
    const row = rows[Math.max(0, Math.min(place, rows.length - 1))];
    (row?.querySelector("button, a") ?? this._filter).focus();
  }

  /** Show a file in a dialog, with ways to the next and the one before. */
  open(filename) {
    this._opened?.close();
    const { app } = this;
    const place = h("div", { class: "shown" });
    const step = (by) => {
      const next = this._files[this._files.findIndex((file) => file.filename === at) + by];
      if (next) load(next.filename);
    };
    const later = h("button", { type: "button", onclick: () => step(-1) }, "Later");
    const earlier = h("button", { type: "button", onclick: () => step(1) }, "Earlier");
    const actions = h("div", { class: "acts" });
    let at = filename;
    let stop = null;
    let turn = 0;
    const load = async (name) => {
      at = name;
      turn += 1;
      const mine = turn;
      stop?.();
      stop = null;
      text(opened.element.querySelector("h2"), name);
      fill(place, waiting());
      fill(actions);
      const index = this._files.findIndex((file) => file.filename === name);
      later.setAttribute("aria-disabled", String(index <= 0));
      earlier.setAttribute("aria-disabled", String(index < 0 || index >= this._files.length - 1));
      try {
        const info = await app.call(`get_${this.kind}_info`, { filename: name });
        if (mine !== turn) return;
        fill(place);
        stop = this._show(info, place, this);
        fill(actions, this.download(info), this.remover(info, () => opened.close()));
      } catch (error) {
        if (mine !== turn) return;
        fill(place, wrong(error, error.code === NOT_FOUND ? null : () => load(name)));
        if (error.code === NOT_FOUND) this._looking.again();
      }
    };
    const opened = sheet(filename, place, { wide: true, actions: [later, earlier, actions] });
    opened.element.addEventListener("keydown", (event) => {
      // A video and a slider have their own use for the arrows.
      if (event.target.matches("video, input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    });
    app.onstop(opened.close);
    opened.closed.then(() => {
      turn += 1;
      stop?.();
      if (this._opened === opened) this._opened = null;
      // An address that names the file would not open it a second time.
      if (app.args.length && !app.signal.aborted) location.replace(`#/${this.kind}s`);
      if (document.activeElement === document.body && !app.signal.aborted)
        this._focus(this._files.findIndex((file) => file.filename === at));
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
      if (error.code === NOT_FOUND) this._looking.again();
      return notice("bad", fault(error));
    }
  }
}
