// What this phone recorded: kept in IndexedDB, sent in order, and kept until the gateway has said what became of it.

const NAME = "hygeia-scan";
const BATCH = 50;
const KEPT = 100;
/** Answers that somebody must see; they stay until they were. */
const SERIOUS = new Set([2, 3]);
/** A header has whole seconds: a smaller difference is no difference. */
const CLOCK_MS = 2000;
/** A connection that says nothing for so long is none. */
const PATIENCE_MS = 20000;

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const written = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = resolve;
  transaction.onabort = transaction.onerror = () => reject(transaction.error);
});

/** Events in the order in which they were recorded, and notes (`install`, `clock`, `device`, `draft`, `known`). */
export class Queue {
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("events", { keyPath: "n" });
      request.result.createObjectStore("notes");
    };
    const queue = new Queue();
    queue.database = await settled(request);
    await queue.settle();
    return queue;
  }

  /** What ids are made of, once a phone: a number of its own, and since when it counts. */
  async settle() {
    this.clock = (await this.note("clock")) ?? { offset: 0, sync: null };
    if (await this.note("install")) return;
    const random = crypto.getRandomValues(new Uint8Array(5));
    const id = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    await this.keep("install", { id, boot: Math.floor(Date.now() / 1000), seq: 0 });
  }

  note(name) {
    return settled(this.database.transaction("notes").objectStore("notes").get(name));
  }

  async keep(name, value) {
    const transaction = this.database.transaction("notes", "readwrite");
    transaction.objectStore("notes").put(value, name);
    await written(transaction);
  }

  all() {
    return settled(this.database.transaction("events").objectStore("events").getAll());
  }

  /** The time as the gateway has it, as far as its last answer told. */
  now() {
    return Date.now() + this.clock.offset;
  }

  /** Sets the clock by the `Date` of an answer that came between `asked` and now. */
  async setClock(answer, asked) {
    const said = Date.parse(answer.headers.get("Date") ?? "");
    if (Number.isNaN(said)) return;
    const offset = said + 500 - (asked + Date.now()) / 2;
    this.clock = { offset: Math.abs(offset) < CLOCK_MS ? 0 : Math.round(offset), sync: said };
    await this.keep("clock", this.clock);
  }

  /** Gives an event its id, boot, seq and time, and keeps it in the same step; its text is sent as it is now. */
  async record(device, content) {
    const transaction = this.database.transaction(["events", "notes"], "readwrite", { durability: "strict" });
    const notes = transaction.objectStore("notes");
    const install = await settled(notes.get("install"));
    const seq = install.seq + 1;
    const minted = { id: `${device}-${install.id}-${seq}`, boot: install.boot, seq, ts: this.now() };
    if (this.clock.sync !== null) minted.clock_sync = this.clock.sync;
    const event = { ...minted, ...content };
    notes.put({ ...install, seq }, "install");
    transaction.objectStore("events").put({ n: seq, device, event, text: JSON.stringify(event), answer: null, seen: false });
    await written(transaction);
    return event;
  }

  async change(entry, changes) {
    const transaction = this.database.transaction("events", "readwrite");
    transaction.objectStore("events").put({ ...entry, ...changes });
    await written(transaction);
  }

  /** Forgets the oldest of those that are over and that nobody must look at. */
  async trim() {
    const over = (await this.all()).filter((one) => one.answer !== null && (!SERIOUS.has(one.answer.code) || one.seen));
    if (over.length <= KEPT) return;
    const transaction = this.database.transaction("events", "readwrite");
    for (const one of over.slice(0, over.length - KEPT)) transaction.objectStore("events").delete(one.n);
    await written(transaction);
  }
}

export const isSerious = (entry) => entry.answer !== null && SERIOUS.has(entry.answer.code) && !entry.seen;

/** Sends what waits. `state`: `ok`, `offline`, `signed_out` or `trouble` with `words`; `changed` is called after each step. */
export class Sender {
  constructor(queue, changed) {
    this.queue = queue;
    this.changed = changed;
    this.state = "ok";
    this.words = "";
    this.busy = false;
    this.again = false;
  }

  /** One at a time, also over several windows: in order. */
  async send() {
    this.again = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.again) {
        this.again = false;
        if (navigator.locks) await navigator.locks.request("hygeia-scan", () => this.round());
        else await this.round();
      }
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  async round() {
    const held = new Map();
    this.stand("ok");
    for (;;) {
      const waiting = (await this.queue.all()).filter((one) => one.answer === null && !held.has(one.device));
      if (waiting.length === 0) break;
      const other = waiting.findIndex((one) => one.device !== waiting[0].device);
      const batch = waiting.slice(0, Math.min(BATCH, other === -1 ? waiting.length : other));
      const refused = await this.post(batch);
      if (this.state !== "ok") return;
      if (refused) held.set(batch[0].device, refused);
      this.changed();
    }
    if (held.size) this.stand("trouble", [...held.values()].join("; "));
    await this.queue.trim();
  }

  /** Why the terminal of these events may not send, empty where it may. Sets the state where nobody may. */
  async post(batch) {
    const asked = Date.now();
    let answer;
    try {
      answer = await fetch(`/api/v1/devices/${encodeURIComponent(batch[0].device)}/events`, {
        method: "POST",
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: { "Content-Type": "application/json" },
        body: `[${batch.map((one) => one.text).join(",")}]`,
      });
    } catch {
      this.stand("offline");
      return "";
    }
    await this.queue.setClock(answer, asked);
    const document = await answer.json().catch(() => null);
    if (answer.ok && Array.isArray(document)) return this.take(batch, document);
    const reason = document?.reason ?? `HTTP ${answer.status}`;
    if (answer.status === 401) this.stand("signed_out");
    else if ([403, 404, 422].includes(answer.status)) return reason;
    else this.stand("trouble", reason);
    return "";
  }

  async take(batch, replies) {
    this.stand("ok");
    for (const [at, reply] of replies.entries()) {
      if (reply.code === null) this.stand("trouble", reply.reason);
      else await this.queue.change(batch[at], { answer: reply });
    }
    return "";
  }

  stand(state, words = "") {
    this.state = state;
    this.words = words;
  }
}
