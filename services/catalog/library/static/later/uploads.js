// Files on their way. They stay here until they are stored, or somebody takes them away.
import { Failure, read } from "../api.js";
import { abandon, store } from "./sending.js";

const AT_ONCE = 3;
const DIGESTED_MAX = 64 * 1000 * 1000;
const HEX = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// What is over: nothing more happens with it by itself.
export const OVER = ["done", "left"];
// What waits for somebody to decide, or to try again.
export const STUCK = ["failed", "taken", "duplicate"];

// Pages without TLS have no digests; large files would take too much memory. The answer names duplicates then.
async function digest(file) {
  if (!globalThis.crypto?.subtle || file.size > DIGESTED_MAX) return "";
  return HEX(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
}

export class Uploads {
  #number = 0;
  #told = new Set();
  #digesting = Promise.resolve();

  // `stored(entry)` is called for each file that is stored. What to do with taken names and duplicates: see `rules`.
  constructor(about, stored) {
    Object.assign(this, { about, stored, items: [], rules: { taken: "ask", duplicate: "ask" } });
    addEventListener("online", () => this.retry((item) => item.failure?.code === "network"));
  }

  subscribe(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  get isBusy() {
    return this.items.some((item) => !OVER.includes(item.state));
  }

  add(files, namespace, destination) {
    const made = files.map(({ file, folder }) => ({
      id: ++this.#number,
      file,
      namespace,
      destination: [destination, folder].filter(Boolean).join("/"),
      conflict: "refuse",
      checked: false,
      state: "waiting",
      sent: 0,
      failure: null,
      entry: null,
      duplicate: null,
      stop: null,
      address: "",
      isWhole: false,
    }));
    this.items = [...made, ...this.items];
    for (const item of made) this.#refuseAtOnce(item);
    this.#go();
  }

  // What would only be refused is not sent.
  #refuseAtOnce(item) {
    const { payload_max_size: most, media_types: types } = this.about;
    if (item.file.size === 0) this.#set(item, { state: "failed", failure: new Failure(400, { code: "empty" }) });
    else if (item.file.size > most) this.#set(item, { state: "failed", failure: new Failure(413, { code: "too_large" }) });
    else if (item.file.type && !types.includes(item.file.type)) {
      this.#set(item, { state: "failed", failure: new Failure(400, { code: "type_unauthorized" }) });
    }
  }

  setRule(name, value) {
    this.rules = { ...this.rules, [name]: value };
    for (const item of this.items) {
      if (value !== "ask" && item.state === name) this.decide(item, value);
    }
    this.#tell();
  }

  // Decide what becomes of a file whose name is taken (leave, replace, rename) or that is there already (leave, keep).
  decide(item, choice) {
    if (choice === "leave") this.#set(item, { state: "left" });
    else if (choice === "keep") this.#set(item, { state: "waiting", checked: true });
    else this.#set(item, { state: "waiting", checked: true, conflict: choice });
    this.#go();
  }

  pause(item) {
    if (!["waiting", "checking", "sending"].includes(item.state)) return;
    this.#set(item, { state: "paused" });
    item.stop?.abort();
    this.#go();
  }

  resume(item) {
    this.#set(item, { state: "waiting", failure: null });
    this.#go();
  }

  cancel(item) {
    item.state = "left";
    item.stop?.abort();
    abandon(item);
    this.items = this.items.filter((one) => one !== item);
    this.#tell();
    this.#go();
  }

  retry(which = (item) => item.state === "failed") {
    for (const item of this.items) if (item.state === "failed" && which(item)) this.resume(item);
  }

  clear() {
    this.items = this.items.filter((item) => !OVER.includes(item.state));
    this.#tell();
  }

  #go() {
    const busy = () => this.items.filter((item) => ["checking", "sending"].includes(item.state)).length;
    for (const item of this.items.filter((one) => one.state === "waiting")) {
      if (busy() >= AT_ONCE) return;
      this.#carry(item);
    }
  }

  async #carry(item) {
    item.stop = new AbortController();
    const { signal } = item.stop;
    try {
      if (!item.checked) {
        this.#set(item, { state: "checking" });
        const duplicate = await this.#twin(item, signal);
        signal.throwIfAborted();
        item.checked = true;
        if (duplicate && this.rules.duplicate === "leave") return this.#set(item, { state: "left", duplicate });
        if (duplicate && this.rules.duplicate === "ask") return this.#set(item, { state: "duplicate", duplicate });
      }
      this.#set(item, { state: "sending" });
      const entry = await store(item, { signal, told: (sent) => this.#set(item, { sent }) });
      this.#set(item, { state: "done", sent: 1, entry });
      this.stored(entry);
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(item, error);
    } finally {
      this.#go();
    }
  }

  #fail(item, failure) {
    if (failure.code === "already_exists") {
      this.#set(item, { state: "taken", failure, sent: 0 });
      if (this.rules.taken !== "ask") this.decide(item, this.rules.taken);
    } else this.#set(item, { state: "failed", failure, sent: 0 });
  }

  // Return an entry that has the bytes of a file already, or null. One file is read at a time.
  async #twin(item, signal) {
    const mine = this.#digesting.then(() => digest(item.file));
    this.#digesting = mine.catch(() => "");
    const signature = await mine;
    if (!signature) return null;
    try {
      const query = new URLSearchParams({ signature, limit: 1 });
      return (await read("catalog/search", { query, signal })).data[0] ?? null;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return null; // The upload itself will say what is wrong.
    }
  }

  #set(item, fields) {
    // Somebody may have taken it away, or paused it, while it was answered.
    if (item.state === "left" || (item.state === "paused" && fields.state === undefined)) return;
    Object.assign(item, fields);
    this.#tell();
  }

  #tell() {
    for (const tell of this.#told) tell();
  }
}
