// <tada-picker>: a field of a form in which people pick files of TADA. docs/integrating.md says how a page uses it.
// The page of TADA is in a frame. Messages go to its origin alone, and are heard from that frame at its origin alone.

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const PREVIEW = "96x96";
// If the page has not said anything then, it will not: the frame is forbidden, or nobody answers.
const PATIENCE = 15000;

const TEXTS = {
  en: {
    one: "Choose a file",
    many: "Choose files",
    close: "Close",
    remove: "Remove {name}",
    required: "Choose a file.",
    silent: "The library does not answer, or this page is not allowed to show it (LIBRARY_EMBEDDERS).",
  },
  de: {
    one: "Datei wählen",
    many: "Dateien wählen",
    close: "Schließen",
    remove: "{name} entfernen",
    required: "Wählen Sie eine Datei.",
    silent: "Die Mediathek antwortet nicht, oder diese Seite darf sie nicht zeigen (LIBRARY_EMBEDDERS).",
  },
  fr: {
    one: "Choisir un fichier",
    many: "Choisir des fichiers",
    close: "Fermer",
    remove: "Retirer {name}",
    required: "Choisissez un fichier.",
    silent: "La médiathèque ne répond pas, ou cette page n’a pas le droit de l’afficher (LIBRARY_EMBEDDERS).",
  },
};

const STYLE = `
  :host { display: inline-block; font: inherit; }
  :host([hidden]) { display: none; }
  button { font: inherit; color: inherit; min-height: 44px; min-width: 44px; padding: 0 16px; border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 8px; background: Canvas; color: CanvasText; cursor: pointer; }
  button:disabled { opacity: 0.55; cursor: default; }
  button:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
  ul { list-style: none; margin: 0 0 8px; padding: 0; display: grid; gap: 8px; }
  ul:empty { display: none; }
  li { display: flex; align-items: center; gap: 12px; }
  li img { width: 64px; height: 64px; object-fit: contain; border-radius: 6px; background: color-mix(in srgb, currentColor 8%, transparent); }
  li span { flex: 1; overflow-wrap: anywhere; }
  dialog { box-sizing: border-box; width: min(1200px, 100vw - 32px); height: min(820px, 100dvh - 32px); max-width: none; max-height: none; padding: 0; border: 0; border-radius: 14px; overflow: hidden; background: Canvas; color: CanvasText; }
  dialog[open] { display: flex; flex-direction: column; }
  dialog::backdrop { background: #0b0c0f8c; }
  header { display: flex; align-items: center; justify-content: space-between; padding: 4px 4px 4px 20px; }
  header button { border-color: transparent; }
  p { margin: 0; padding: 0 20px 16px; }
  iframe { flex: 1; width: 100%; border: 0; }
  @media (max-width: 700px) { dialog { width: 100vw; height: 100dvh; border-radius: 0; } }
`;

const make = (name, given = {}, ...inside) => {
  const element = Object.assign(document.createElement(name), given);
  element.append(...inside);
  return element;
};

class TadaPicker extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["value", "multiple", "required"];

  #internals = this.attachInternals();
  #button = make("button", { type: "button", onclick: () => this.open() }, make("slot"));
  #list = make("ul");
  #title = make("strong");
  #close = make("button", { type: "button", onclick: () => this.close() }, "✕");
  #failure = make("p", { hidden: true });
  #dialog = make("dialog", { onclose: () => this.#end() }, make("header", {}, this.#title, this.#close), this.#failure);
  #frame = null;
  #timer = 0;
  #sent = "";
  #uuids = [];
  #known = new Map();

  // A token of TADA for those who use this page: a text, or a function that returns one, or a promise of one. It is called
  // when a token is needed, with {refused: true} if the one before was not valid any more.
  token = "";

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    this.#list.part = "chosen";
    this.#button.part = "button";
    this.#dialog.part = "dialog";
    this.#failure.setAttribute("role", "alert");
    root.append(this.#list, this.#button, this.#dialog);
  }

  connectedCallback() {
    this.#draw();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback(name, _, text) {
    if (name === "value") this.#take(text ?? "");
    else this.#draw();
  }

  // Forms

  get form() {
    return this.#internals.form;
  }

  get name() {
    return this.getAttribute("name") ?? "";
  }

  get type() {
    return "tada-picker";
  }

  // The uuids of what is chosen, with spaces between them.
  get value() {
    return this.#uuids.join(" ");
  }

  set value(text) {
    this.#take(text);
  }

  get multiple() {
    return this.hasAttribute("multiple");
  }

  // What is known of the chosen files: what was picked here, and what the page itself has set, such as what it has stored.
  get assets() {
    return this.#uuids.map((uuid) => this.#known.get(uuid) ?? { uuid });
  }

  set assets(assets) {
    this.#note(assets);
    this.#take(assets.map(({ uuid }) => uuid).join(" "));
  }

  get validity() {
    return this.#internals.validity;
  }

  get validationMessage() {
    return this.#internals.validationMessage;
  }

  get willValidate() {
    return this.#internals.willValidate;
  }

  checkValidity() {
    return this.#internals.checkValidity();
  }

  reportValidity() {
    return this.#internals.reportValidity();
  }

  formResetCallback() {
    this.#take(this.getAttribute("value") ?? "");
  }

  formStateRestoreCallback(state) {
    if (typeof state === "string") this.#take(state);
  }

  formDisabledCallback(isDisabled) {
    this.#button.disabled = isDisabled;
    this.#draw();
  }

  #take(text) {
    const uuids = [...new Set(String(text).split(/[\s,]+/))].filter((one) => UUID.test(one));
    this.#uuids = this.multiple ? uuids : uuids.slice(0, 1);
    this.#draw();
  }

  #note(assets) {
    for (const asset of assets) this.#known.set(asset.uuid, asset);
  }

  #draw() {
    const texts = this.#texts();
    const data = new FormData();
    for (const uuid of this.#uuids) data.append(this.name, uuid);
    this.#internals.setFormValue(this.name && this.#uuids.length ? data : null, this.value);
    const isMissing = this.hasAttribute("required") && this.#uuids.length === 0;
    this.#internals.setValidity(isMissing ? { valueMissing: true } : {}, isMissing ? texts.required : "", this.#button);
    this.#button.firstChild.textContent = texts[this.multiple ? "many" : "one"];
    this.#list.replaceChildren(...this.#uuids.map((uuid) => this.#item(uuid, texts)));
  }

  #item(uuid, texts) {
    const asset = this.#known.get(uuid) ?? {};
    const name = asset.title || asset.filename || uuid;
    const remove = make("button", { type: "button", disabled: this.#button.disabled }, "✕");
    remove.setAttribute("aria-label", texts.remove.replace("{name}", name));
    remove.addEventListener("click", () => {
      this.#take(this.#uuids.filter((one) => one !== uuid).join(" "));
      this.#button.focus();
      this.#tell("change");
    });
    const picture = asset.base_url ? [make("img", { alt: asset.alt ?? "", src: preview(asset) })] : [];
    return make("li", {}, ...picture, make("span", {}, name), remove);
  }

  #texts() {
    const wanted = [this.closest("[lang]")?.lang, ...navigator.languages].map((name) => (name ?? "").slice(0, 2));
    return TEXTS[wanted.find((name) => name in TEXTS) ?? "en"];
  }

  // The dialog

  // The address of the page: beside this module, unless `src` says another one.
  #address() {
    const address = new URL(this.getAttribute("src") ?? new URL("../library", import.meta.url), document.baseURI);
    if (!["http:", "https:"].includes(address.protocol)) throw new TypeError(`tada-picker: ${address.href} is no address`);
    address.searchParams.set("pick", this.multiple ? "many" : "1");
    if (this.multiple && this.getAttribute("max")) address.searchParams.set("max", this.getAttribute("max"));
    if (this.getAttribute("folder")) address.searchParams.set("within", this.getAttribute("folder"));
    for (const type of (this.getAttribute("types") ?? "").split(/[\s,]+/)) {
      if (type) address.searchParams.append("only", type);
    }
    return address;
  }

  open() {
    if (this.#frame || this.#button.disabled) return;
    const texts = this.#texts();
    const title = this.textContent.trim() || texts[this.multiple ? "many" : "one"];
    const address = this.#address();
    this.#title.textContent = title;
    this.#dialog.setAttribute("aria-label", title);
    this.#close.setAttribute("aria-label", texts.close);
    this.#failure.textContent = texts.silent;
    this.#failure.hidden = true;
    this.#sent = "";
    // With the origin of this page in its referrer, the page in the frame knows whom it speaks with.
    this.#frame = make("iframe", { src: address.href, title, referrerPolicy: "origin" });
    this.#frame.origin = address.origin;
    this.#frame.addEventListener("load", () => this.#hello());
    this.#dialog.append(this.#frame);
    addEventListener("message", this.#hear);
    this.#timer = setTimeout(() => {
      this.#failure.hidden = false;
    }, PATIENCE);
    this.#dialog.showModal();
    this.#frame.focus();
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  #end() {
    if (!this.#frame) return;
    clearTimeout(this.#timer);
    removeEventListener("message", this.#hear);
    this.#frame.remove();
    this.#frame = null;
    this.close();
    this.#button.focus();
  }

  #hear = ({ source, origin, data }) => {
    if (source !== this.#frame?.contentWindow || origin !== this.#frame.origin || typeof data?.type !== "string") return;
    if (data.type === "tada.ready") {
      clearTimeout(this.#timer);
      this.#failure.hidden = true;
      this.#hello();
    } else if (data.type === "tada.token-wanted") this.#giveToken(data.refused === true);
    else if (data.type === "tada.pick" && Array.isArray(data.assets)) this.#picked(data.assets);
    else if (data.type === "tada.cancel") {
      this.close();
      this.#tell("tada-cancel");
    }
  };

  // In the frame may be another page than ours: an error, or a page that must not be shown here. It hears nothing.
  #say(type, said) {
    this.#frame?.contentWindow.postMessage({ type, ...said }, this.#frame.origin);
  }

  #hello() {
    this.#say("tada.hello", { chosen: this.#uuids });
  }

  async #giveToken(refused) {
    const frame = this.#frame;
    const token = typeof this.token === "function" ? await this.token({ refused }) : this.token;
    if (frame !== this.#frame) return;
    // What was refused is not given again. Without a token, people are asked for one.
    this.#sent = refused && token === this.#sent ? "" : (token ?? "");
    this.#say("tada.token", { token: this.#sent });
  }

  #picked(assets) {
    this.#note(assets);
    this.#take(assets.map(({ uuid }) => uuid).join(" "));
    this.close();
    this.#tell("tada-pick", { assets });
    this.#tell("change");
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

function preview({ base_url: base, unique_name: name, version }) {
  const path = name.split("/").map(encodeURIComponent).join("/");
  return `${base}/optimise/${PREVIEW}${path}?fit=contain&_=${version}`;
}

if (!customElements.get("tada-picker")) customElements.define("tada-picker", TadaPicker);
