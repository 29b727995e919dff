// JSON-RPC 2.0 over one WebSocket that is made again when it is lost, with each event told exactly once.
//
//   const rpc = new Connection("/ws");
//   await rpc.call("take_snapshot", { device: "demo" });       // rejects with a Failure: code, message, data
//   rpc.on("camera_status_update", (params) => …);              // params.replayed: it was missed and is told now
//   rpc.on("state", ({ state }) => …);                          // "connecting" | "open" | "lost"
//   rpc.on("initial", (params) => …);                            // a camera's state, sent by the service on connect
//   rpc.on("session", (session) => …);                           // who we are: role, name, expires_at
//   rpc.on("resumed", ({ session, replayed, lost }) => …);      // after each connection, when all is told
//
// A connection is resumed so: the socket opens, the service is asked for all topics and for what came after the last
// event that is known (since_seq, epoch). What arrives until the answer is kept, put in order by its number, and told
// once. `lost` says that the service could not give all of it: it was restarted, or the past is not kept so far back.
//
// A call is never kept for later: where there is no connection it fails at once. What somebody asked of a camera a
// minute ago must not happen now.

export const TOPICS = [
  "camera_status_update",
  "camera_control_update",
  "recording_status_update",
  "snapshot_status_update",
  "schedule_status_update",
  "storage_status_update",
  "system_health_update",
];

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
/** No answer takes longer; the service's own deadlines are shorter. */
const CALL_TIMEOUT = 40_000;
/** A socket that is silent for so long is asked whether it is alive, and after as long again taken for lost. */
const SILENCE = 8_000;
/** How many events of the past a page that has just been opened asks for. */
const PAST = 200;
/** How many numbers of events are remembered: more than the service can send again. */
const REMEMBERED = 4000;

/** A call that failed. Without a code it is the connection that failed. */
export class Failure extends Error {
  constructor(message, code = null, data = null) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.data = data;
  }
}

export class Connection {
  #url;
  #socket = null;
  #pending = new Map();
  #listeners = new Map();
  #nextId = 1;
  #delay = FIRST_DELAY;
  #timer = null;
  #heard = 0;
  #asked = false;
  #last = null;
  #epoch = null;
  #seen = new Set();
  #kept = null;

  constructor(path) {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    this.state = "connecting";
    this.session = null;
    this.retryAt = null;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    setInterval(() => this.#watch(), 1000);
  }

  open() {
    clearTimeout(this.#timer);
    this.retryAt = null;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#kept = new Map();
    this.#heard = performance.now();
    this.#asked = false;
    socket.onopen = () => this.#resume(socket);
    socket.onmessage = ({ data }) => this.#socket === socket && this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#socket === socket && this.#lost(code, reason);
  }

  /** Connect anew, as somebody else after a log-in or a log-out: nothing is lost by it. */
  reopen() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.onclose = null;
    socket?.close(1000);
    this.#failAll(new Failure("The connection was made anew."));
    this.#become("connecting");
    this.open();
  }

  /** Call a method; the promise rejects with a Failure. */
  call(method, params = {}) {
    return this.batch([[method, params]])[0];
  }

  /** Send several calls as one message; gives a promise for each. */
  batch(calls) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return calls.map(() => Promise.reject(new Failure("There is no connection to the service.")));
    }
    const requests = [];
    const results = calls.map(([method, params]) => {
      const id = this.#nextId++;
      requests.push({ jsonrpc: "2.0", id, method, params });
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          this.#pending.delete(id);
          reject(new Failure(`${method} was not answered in time.`));
        }, CALL_TIMEOUT);
        this.#pending.set(id, { resolve, reject, timer });
      });
    });
    this.#socket.send(JSON.stringify(requests.length === 1 ? requests[0] : requests));
    return results;
  }

  /** Listen to a notification, or to "event" (each of them: topic, params), "state", "resumed"; returns what ends it. */
  on(topic, listener) {
    if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
    this.#listeners.get(topic).add(listener);
    return () => this.#listeners.get(topic).delete(listener);
  }

  /** Ask again who we are: a token may have ended while the connection goes on. */
  async refreshSession() {
    this.session = await this.call("get_session");
    this.#emit("session", this.session);
    return this.session;
  }

  #emit(topic, ...values) {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
      try {
        listener(...values);
      } catch (error) {
        // One view's defect must not cost the others the event.
        console.error(error);
      }
    }
  }

  #become(state, more = {}) {
    this.state = state;
    this.#emit("state", { state, ...more });
  }

  async #resume(socket) {
    try {
      await this.refreshSession();
      let outcome = { replayed: 0, lost: false };
      if (this.session.role !== "none") outcome = await this.#subscribe();
      if (this.#socket !== socket) return;
      this.#delay = FIRST_DELAY;
      this.#become("open");
      this.#tellKept(outcome);
      this.#emit("resumed", { session: this.session, ...outcome });
    } catch (error) {
      // The socket is of no use; closing it starts over.
      if (this.#socket === socket) socket.close(4000, error.message.slice(0, 100));
    }
  }

  async #subscribe() {
    const first = this.#last === null;
    let since = this.#last;
    let epoch = this.#epoch;
    if (first) {
      const status = await this.call("get_status");
      since = Math.max(0, status.seq - PAST);
      epoch = status.epoch;
    }
    const answer = await this.call("subscribe_events", { topics: TOPICS, since_seq: since, epoch });
    if (answer.full_state) this.#seen.clear();
    this.#epoch = answer.epoch;
    this.#last = answer.full_state ? answer.seq : Math.max(since, answer.seq);
    return { first, since, replayed: answer.replayed, lost: answer.full_state && !first };
  }

  #tellKept(outcome) {
    const kept = [...this.#kept.values()].sort((a, b) => a.params.seq - b.params.seq);
    this.#kept = null;
    let told = 0;
    for (const { method, params } of kept) told += this.#tell(method, { ...params, replayed: true });
    outcome.replayed = told;
  }

  #receive(text) {
    this.#heard = performance.now();
    this.#asked = false;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    for (const one of Array.isArray(message) ? message : [message]) {
      if (one.method !== undefined) this.#notified(one);
      else this.#answered(one);
    }
  }

  #answered({ id, result, error }) {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#pending.delete(id);
    clearTimeout(call.timer);
    if (error) {
      call.reject(new Failure(error.message, error.code, error.data));
      if (error.code === -32002 && this.session && error.data?.have_role !== this.session.role) {
        this.refreshSession().catch(() => {});
      }
    } else call.resolve(result);
  }

  #notified({ method, params }) {
    // A state that was sent on connect: not an event, it may be told as often as it is sent.
    if (params.initial) this.#emit("initial", params);
    else if (this.#kept) this.#kept.set(params.seq, { method, params });
    else this.#tell(method, params);
  }

  #tell(method, params) {
    if (this.#seen.has(params.seq)) return 0;
    this.#seen.add(params.seq);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
    this.#last = Math.max(this.#last ?? 0, params.seq);
    this.#emit(method, params);
    this.#emit("event", method, params);
    return 1;
  }

  #lost(code, reason) {
    this.#socket = null;
    this.#failAll(new Failure("The connection to the service was lost."));
    // Some randomness, or all pages come back in the same moment.
    const delay = this.#delay * (0.75 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.open(), delay);
    this.#become("lost", { code, reason });
  }

  #failAll(failure) {
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) {
      clearTimeout(call.timer);
      call.reject(failure);
    }
  }

  #hurry() {
    if (this.#socket === null && this.state === "lost") this.open();
  }

  #watch() {
    const socket = this.#socket;
    if (!socket) return;
    const silent = performance.now() - this.#heard;
    if (silent > 2 * SILENCE && (this.#asked || socket.readyState === WebSocket.CONNECTING)) {
      // The network swallows what is sent: close() would wait for an answer that never comes.
      socket.onclose = null;
      socket.close();
      this.#lost(1006, "");
    } else if (silent > SILENCE && !this.#asked && socket.readyState === WebSocket.OPEN) {
      this.#asked = true;
      this.#heard = performance.now() - SILENCE;
      this.call("ping").catch(() => {});
    }
  }
}
