// Picking files for another page. It gets what was picked by a message, and this page offers nothing that changes files.
import { useEffect, useReducer } from "preact/hooks";
import { read, session } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { Bridge } from "./bridge.js";

const MOST = 100;
const AT_ONCE = 6;
// How long the other page is waited for, if a token is needed.
const PATIENCE = 1500;
// What the other page is told of a file.
const TOLD = [
  ...["uuid", "namespace", "unique_name", "filename", "mimetype", "original_mimetype", "size", "width", "height"],
  ...["title", "alt", "caption", "credit", "blurhash", "dominant_color", "focus_x", "focus_y", "expired"],
  ...["expiration_date", "visible_from", "version", "public_url", "versioned_url", "base_url"],
];

class Picker {
  #told = new Set();
  #asking = null;
  #hasAnswer = () => {};

  // Where the footer and what is shown instead of a page are.
  Bar = Bar;
  Refused = Refused;
  marked = new Set();
  isBusy = false;

  constructor(library) {
    this.library = library;
    const asked = new URLSearchParams(location.search);
    this.folder = (asked.get("within") ?? "").replace(/\/+$/, "");
    this.types = asked.getAll("only").filter(Boolean);
    this.isOne = asked.get("pick") !== "many";
    const most = Number(asked.get("max"));
    this.most = this.isOne ? 1 : Number.isInteger(most) && most > 0 ? Math.min(most, MOST) : MOST;
    // What stays in the address, whatever is shown.
    this.asked = [...asked].filter(([name]) => ["pick", "max", "only", "within"].includes(name));
    this.bridge = new Bridge((message) => this.#hear(message));
  }

  get isRefused() {
    return this.bridge.isRefused;
  }

  // Whether the other page has given a token.
  get hasToken() {
    return session.handed !== "";
  }

  subscribe(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  // What people see: nothing but files, in the folder that they may pick from.
  within(view) {
    const isInside = !this.folder || view.folder === this.folder || view.folder.startsWith(`${this.folder}/`);
    return { ...view, asset: "", place: "", at: "", folder: isInside ? view.folder : this.folder };
  }

  limitedTypes(view) {
    if (this.types.length === 0) return view;
    const types = view.types.filter((type) => this.types.includes(type));
    return { ...view, types: types.length ? types : this.types };
  }

  limited(about) {
    if (this.types.length === 0) return about;
    return { ...about, media_types: about.media_types.filter((type) => this.types.includes(type)) };
  }

  // Of one file, a second time takes it.
  toggle(uuid) {
    if (!this.marked.has(uuid)) this.mark(uuid);
    else if (this.isOne) this.take();
    else this.#set(new Set([...this.marked].filter((one) => one !== uuid)));
  }

  mark(uuid) {
    if (this.isOne) this.#set(new Set([uuid]));
    else if (this.marked.size < this.most) this.#set(new Set([...this.marked, uuid]));
    else this.library.say(t("picker.most", { count: this.most }), { kind: "error" });
  }

  clear() {
    this.#set(new Set());
  }

  // Tell the other page what was picked, as it is now.
  async take() {
    if (this.isBusy || this.marked.size === 0) return;
    this.isBusy = true;
    this.#tell();
    try {
      const found = await this.#entries([...this.marked]);
      const lost = found.filter(({ entry }) => !entry);
      if (lost.length === 0) {
        const assets = found.map(({ entry }) => Object.fromEntries(TOLD.map((name) => [name, entry[name] ?? null])));
        this.bridge.say("tada.pick", { assets });
        this.#end();
      } else {
        this.#set(new Set(found.filter(({ entry }) => entry).map(({ uuid }) => uuid)));
        this.library.say(t("picker.gone", { count: lost.length }), { kind: "error" });
      }
    } catch (error) {
      this.library.complain(error);
    } finally {
      this.isBusy = false;
      this.#tell();
    }
  }

  cancel() {
    this.bridge.say("tada.cancel");
    this.#end();
  }

  // Ask the other page for a token; return whether it has given one. Who waits for it waits for the same.
  askForToken(wasRefused) {
    this.#asking ??= new Promise((resolve) => {
      this.#hasAnswer = resolve;
      setTimeout(resolve, PATIENCE, false);
      this.bridge.say("tada.token-wanted", { refused: wasRefused });
    }).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  #hear(message) {
    if (message.type === "tada.token") {
      const { token } = message;
      if (token) session.handed = token;
      this.#hasAnswer(token !== "");
      if (token && ["signin", "again"].includes(this.library.state.phase)) this.library.enter();
    } else if (message.chosen) this.#set(new Set(message.chosen.slice(0, this.most)));
  }

  // Return what is marked, each with its entry: none if it does not exist any more.
  async #entries(uuids) {
    const found = [];
    for (let at = 0; at < uuids.length; at += AT_ONCE) {
      found.push(...(await Promise.all(uuids.slice(at, at + AT_ONCE).map(entryOf))));
    }
    return found;
  }

  #end() {
    this.clear();
    if (this.bridge.isPopup) window.close();
  }

  #set(marked) {
    this.marked = marked;
    this.#tell();
    this.library.store.set({ marked });
  }

  #tell() {
    for (const tell of this.#told) tell();
  }
}

async function entryOf(uuid) {
  try {
    return { uuid, entry: (await read(`catalog/${encodeURIComponent(uuid)}`)).data[0] };
  } catch (error) {
    if (error.status === 404) return { uuid, entry: null };
    throw error;
  }
}

export function begin(library) {
  const picker = new Picker(library);
  picker.bridge.begin();
  addEventListener("keydown", (event) => {
    const isOther = event.defaultPrevented || event.target.closest?.("input, textarea, select, dialog");
    if (event.key === "Escape" && !isOther && !library.state.drawer) picker.cancel();
  });
  return picker;
}

function Refused() {
  return html`<main class="alone">
    <h1>${t("picker.refused")}</h1>
    <p>${t("picker.refused.text")}</p>
  </main>`;
}

function Bar() {
  const { picker } = useLibrary();
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => picker.subscribe(again), []);
  useEffect(() => tellHeights(picker.bridge), []);
  const { isOne, marked, most } = picker;
  const count = marked.size;
  const said = count ? t("picker.count", { count }) : t(isOne ? "picker.one" : "picker.many", { count: most });
  return html`<footer class="picking">
    <p role="status">${said}</p>
    ${count > 1 && html`<button class="button plain" onClick=${() => picker.clear()}>${t("picker.clear")}</button>`}
    <button class="button" onClick=${() => picker.cancel()}>${t("cancel")}</button>
    <button class="button primary" disabled=${count === 0 || picker.isBusy} onClick=${() => picker.take()}>
      <${Icon} name="check" />${t("picker.take")}
    </button>
  </footer>`;
}

// Tell the other page how high this one would be if nothing had to be scrolled.
function tellHeights(bridge) {
  let last = 0;
  const look = () => {
    const box = document.querySelector(".files");
    const sheet = box?.querySelector(".sheet");
    if (!sheet) return;
    const frame = getComputedStyle(box);
    const inside = sheet.offsetTop + sheet.offsetHeight + parseFloat(frame.paddingBottom);
    const height = Math.ceil(innerHeight - box.clientHeight + inside);
    if (height === last) return;
    last = height;
    bridge.say("tada.resize", { height });
  };
  const sizes = new ResizeObserver(look);
  const parts = new MutationObserver(() => {
    const sheet = document.querySelector(".sheet");
    if (sheet) sizes.observe(sheet);
  });
  parts.observe(document.querySelector(".main"), { childList: true, subtree: true });
  return () => {
    sizes.disconnect();
    parts.disconnect();
  };
}
