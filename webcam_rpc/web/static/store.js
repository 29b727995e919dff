// The cameras as they are now: from the states that are sent on connect, the notifications, and get_camera_list.

export class Cameras {
  #rpc;
  #cameras = new Map();
  #seqs = new Map();
  #listeners = new Set();

  constructor(rpc) {
    this.#rpc = rpc;
    /** Whether the whole list has come; until then there may be more than is known. */
    this.complete = false;
    rpc.on("initial", (params) => this.#update(params));
    rpc.on("camera_status_update", (params) => this.#update(params));
    rpc.on("resumed", () => this.refresh());
  }

  /** Give them all, those first that are plugged in, by name. */
  all() {
    const order = (camera) => (camera.status === "DISCONNECTED" ? 1 : 0);
    return [...this.#cameras.values()].sort(
      (a, b) =>
        order(a) - order(b) ||
        a.name.localeCompare(b.name, undefined, { numeric: true }) ||
        a.camera_id.localeCompare(b.camera_id),
    );
  }

  /** Give one by its id. */
  get(id) {
    return this.#cameras.get(id);
  }

  /** Give what a camera is called by people: its alias, or the name that its maker gave it. */
  name(id) {
    const camera = this.#cameras.get(id);
    return camera ? camera.alias || camera.name : id;
  }

  /** Call `listener` after each change, until the returned function is called. */
  on(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Take over what a method has answered about a camera. */
  put(camera) {
    this.#cameras.set(camera.camera_id, { ...this.#cameras.get(camera.camera_id), ...camera });
    this.#changed();
  }

  /** Read the whole list. */
  async refresh() {
    let list;
    try {
      list = await this.#rpc.call("get_camera_list");
    } catch {
      // Lost again, or not for this role: after the next connection it is read anew.
      return;
    }
    this.#cameras = new Map(list.cameras.map((camera) => [camera.camera_id, camera]));
    this.#seqs.clear();
    this.complete = true;
    this.#changed();
  }

  /** Take over the mode in which a camera is captured; the one that was told when it was plugged in may be another. */
  captured({ camera_id, resolution, fps }) {
    const known = this.#cameras.get(camera_id);
    if (!known || !resolution || (known.resolution === resolution && known.fps === fps)) return;
    this.#cameras.set(camera_id, { ...known, resolution, fps });
    this.#changed();
  }

  #update(params) {
    // What is sent again after a lost connection may be older than what is known.
    if (!params.initial && (this.#seqs.get(params.camera_id) ?? 0) >= params.seq) return;
    this.#seqs.set(params.camera_id, params.seq);
    const { camera_id, device, name, status, reason, resolution = null, fps = null } = params;
    const known = this.#cameras.get(camera_id);
    const path = `/cameras/${encodeURIComponent(camera_id)}`;
    const urls = { snapshot_url: `${path}/snapshot.jpg`, stream_url: `${path}/stream.mjpg` };
    this.#cameras.set(camera_id, { alias: null, ...urls, ...known, camera_id, device, name, status, reason, resolution, fps });
    this.#changed();
  }

  #changed() {
    for (const listener of [...this.#listeners]) listener();
  }
}
