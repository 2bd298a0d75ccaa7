// What the page can do: every change of its state is one of these methods.
import { Failure, read, refusals, session } from "./api.js";
import * as address from "./address.js";
import { keep, recall } from "./kept.js";
import { Listing } from "./listing.js";
import { Store } from "./store.js";
import { explained, preferred, speak, t } from "./texts.js";
import { part } from "./views/context.js";

const ROLES = ["public", "read", "write", "admin"];
const FOLDERS = 500;
const TOAST_SECONDS = 10;
const THEME = "tada.theme";

export class Library {
  #guard = null;
  #latest = null;
  #toast = 0;
  #isFollowing = false;

  // Told of each change of an asset by somebody: an event that is named for its uuid, with the
  // number of the change, then one named "any".
  changes = new EventTarget();
  // Whether the reader is at the beginning of the files, where new ones may come without a jump.
  isAtTop = true;
  // What there is if people pick files for another page, which has this one in a frame or has opened it.
  picker = null;

  constructor() {
    const view = address.parse(location.search);
    this.store = new Store({
      phase: "starting",
      failure: null,
      refused: false,
      about: null,
      view,
      listing: null,
      revision: 0,
      folders: {},
      opened: new Set(),
      facets: null,
      selection: null,
      works: [],
      toasts: [],
      dialog: null,
      drawer: false,
      hasNews: false,
      marked: null,
      language: "en",
      theme: recall("localStorage", THEME) ?? "system",
    });
    refusals.told = () => this.#refuse();
  }

  get state() {
    return this.store.state;
  }

  get view() {
    return this.state.view;
  }

  // Starting, and who is there

  async start() {
    this.#paint();
    const spoken = speak(preferred()).then(() => this.store.set({ language: preferred() }));
    if (address.isPicking(location.search)) {
      await spoken;
      this.picker = (await part("picker")()).begin(this);
      this.store.set({ view: this.picker.within(this.view) });
    }
    addEventListener("popstate", () => this.#show(address.parse(location.search)));
    await Promise.all([spoken, this.enter()]);
  }

  // Ask who the sender is, and show the files if that is known.
  async enter() {
    this.store.set({ phase: "starting", failure: null });
    // The first files are on their way meanwhile, unless the answer limits what is looked for.
    if (!this.picker) this.#search();
    try {
      const { data } = await read("about");
      const about = this.picker?.limited(data[0]) ?? data[0];
      this.store.set({ phase: "ready", about, refused: false });
      if (this.picker) this.#search();
      this.loadFolders("/");
      for (const { path } of address.trail(this.view.folder).slice(0, -1)) this.toggleFolder(path, true);
      if (session.login) import("./later/login/renewing.js").then(({ keepRenewed }) => keepRenewed());
      if (!this.#isFollowing) {
        this.#isFollowing = true;
        import("./later/live.js").then(({ listen }) => listen(this));
      }
    } catch (error) {
      if (error.status === 401) return; // refusals.told has said it.
      this.store.set({ phase: "failed", failure: error });
    }
  }

  signIn(token, login = "") {
    session.token = token.trim();
    session.login = login;
    return this.enter();
  }

  signOut() {
    session.token = "";
    session.login = "";
    location.reload();
  }

  // Somebody who has logged in may get another token without being asked.
  async #renew() {
    if (!session.login) return false;
    const { renewed } = await import("./later/login/renewing.js").catch(() => ({ renewed: () => false }));
    return renewed();
  }

  // The state stays, so that nothing that was typed is lost: the page asks for another token in front of it.
  async #refuse() {
    // Of several requests at once, only the first is refused for a token.
    const hadOne = session.token !== "";
    session.token = "";
    if ((await this.picker?.askForToken(hadOne)) || (await this.#renew())) return true;
    this.store.set({ phase: this.state.about ? "again" : "signin", refused: hadOne || this.state.refused });
    return false;
  }

  // Who picks files for another page changes nothing: that page could lay its own over the buttons.
  may(role, namespace) {
    return (role === "read" || !this.picker) && this.#has(role, namespace);
  }

  #has(role, namespace) {
    const sender = this.state.about?.sender;
    // An administrator of some namespaces is none of the service.
    if (role === "admin" && sender?.namespaces) return false;
    if (!sender || ROLES.indexOf(sender.role) < ROLES.indexOf(role)) return false;
    return namespace === undefined || sender.namespaces === null || sender.namespaces.includes(namespace);
  }

  // The namespaces into which the sender may upload.
  get writable() {
    return (this.state.about?.namespaces ?? []).filter((namespace) => this.#has("write", namespace));
  }

  get mayUpload() {
    return this.writable.length > 0;
  }

  // Where assets are at this origin, for what the page itself shows.
  get assets() {
    return `.${this.state.about.assets_path}`;
  }

  // The view

  // Change the view. What somebody types replaces the last step of the history; everything else is a new one.
  async go(changes, { replace = false } = {}) {
    const view = address.changed(this.view, changes);
    if (view.asset !== this.view.asset && !(await this.#mayLeave())) return false;
    const query = address.format(view, this.picker?.asked) || location.pathname;
    history[replace ? "replaceState" : "pushState"](null, "", query);
    this.#show(view);
    return true;
  }

  open(uuid) {
    return this.picker ? this.picker.toggle(uuid) : this.go({ asset: uuid });
  }

  closeAsset() {
    return this.go({ asset: "" });
  }

  #show(wanted) {
    const view = this.picker?.within(wanted) ?? wanted;
    const before = this.view;
    this.store.set({ view, drawer: view.folder === before.folder && this.state.drawer });
    if (!address.showTheSame(before, view)) this.#search();
  }

  // A form with changes says with `guard()` whether it may be left.
  protect(guard) {
    this.#guard = guard;
    return () => {
      if (this.#guard === guard) this.#guard = null;
    };
  }

  async #mayLeave() {
    return this.#guard ? this.#guard() : true;
  }

  // Entries, folders, tags

  #search() {
    const arguments_ = this.#searched();
    const load = ({ limit, cursor, signal }) => {
      const query = new URLSearchParams(arguments_);
      query.append("limit", limit);
      if (cursor) query.append("cursor", cursor);
      return read("catalog/search", { query, signal });
    };
    const before = this.state.listing;
    before?.close();
    const listing = new Listing(load, () => {
      // What was found before stays until the first page of the new search is there.
      if (this.#latest === listing) this.store.set({ listing, revision: this.state.revision + 1 });
    });
    listing.key = arguments_.toString();
    this.#latest = listing;
    if (!before?.isLoaded) this.store.set({ listing });
    const first = listing.need(0, 1);
    first.then(() => this.#latest === listing && listing.isLoaded && this.#count(arguments_));
    return first;
  }

  #searched() {
    return address.searched(this.picker?.limitedTypes(this.view) ?? this.view);
  }

  async #count(arguments_) {
    const query = new URLSearchParams(arguments_);
    query.append("limit", 1);
    query.append("facets", "tag,type");
    try {
      const { facets } = await read("catalog/search", { query });
      if (query.toString().startsWith(this.#searched().toString())) this.store.set({ facets });
    } catch {
      // Without numbers beside them, the filters still work.
    }
  }

  // Look anew for what the view shows, and for the folders that are shown.
  refresh() {
    this.store.set({ hasNews: false });
    for (const path of Object.keys(this.state.folders)) this.loadFolders(path);
    return this.#search();
  }

  async loadFolders(path, cursor = "") {
    const query = new URLSearchParams({ parent: path, limit: FOLDERS });
    if (cursor) query.append("cursor", cursor);
    const known = this.state.folders[path];
    try {
      const answer = await read("catalog/folders", { query });
      const inside = cursor ? [...(known?.inside ?? []), ...answer.data] : answer.data;
      this.#noteFolders(path, { inside, cursor: answer.cursor, own: answer.folder, failure: null });
    } catch (failure) {
      this.#noteFolders(path, { inside: [], cursor: null, own: null, ...known, failure });
    }
  }

  #noteFolders(path, said) {
    this.store.set({ folders: { ...this.state.folders, [path]: said } });
  }

  toggleFolder(path, isOpen = !this.state.opened.has(path)) {
    const opened = new Set(this.state.opened);
    if (isOpen) opened.add(path);
    else opened.delete(path);
    this.store.set({ opened });
    if (isOpen) this.loadFolders(path);
  }

  // Show an entry as it is now.
  noteEntry(entry) {
    this.state.listing?.replace(entry);
  }

  noteGone(uuid) {
    this.state.listing?.remove(uuid);
  }

  // What is said

  say(text, { more = "", kind = "calm", action = null } = {}) {
    const id = ++this.#toast;
    const isSame = (one) => one.text === text && one.more === more && one.kind === kind;
    const others = this.state.toasts.filter((one) => !isSame(one) || !canJoin(one.action, action, kind));
    const same = this.state.toasts.find((one) => !others.includes(one));
    const toast = { id, text, more, kind, action: joined(same?.action, action) };
    this.store.set({ toasts: [...others.slice(-3), toast] });
    if (kind !== "error") setTimeout(() => this.dismiss(id), TOAST_SECONDS * 1000);
  }

  complain(error) {
    if (error instanceof Failure && error.status === 401) return;
    const { text, more } = explained(error);
    this.say(text, { more, kind: "error" });
  }

  // A part of the page could not be loaded.
  sayOffline(again) {
    this.say(t("error.network"), { kind: "error", action: { label: t("retry"), act: again } });
  }

  dismiss(id) {
    this.store.set({ toasts: this.state.toasts.filter((toast) => toast.id !== id) });
  }

  // Ask in a dialog; return the value of the chosen answer, or that of the first one if the dialog is closed.
  ask({ title, text, answers, body = null }) {
    return new Promise((resolve) => {
      const answer = (value) => {
        this.store.set({ dialog: null });
        resolve(value);
      };
      this.store.set({ dialog: { title, text, answers, body, answer } });
    });
  }

  // Taste

  async speak(language) {
    await speak(language, true);
    this.store.set({ language });
  }

  setTheme(theme) {
    keep("localStorage", THEME, theme);
    this.store.set({ theme });
    this.#paint();
  }

  #paint() {
    document.documentElement.dataset.theme = this.state.theme;
  }

  setDrawer(drawer) {
    this.store.set({ drawer });
  }
}

// Equal messages are one. Each has its own way to undo what it tells; what failed is tried again together.
const canJoin = (one, other, kind) => kind === "error" || !(one || other);

function joined(one, other) {
  if (!one || !other) return one ?? other;
  const act = () => [one, other].forEach((action) => action.act());
  return { label: other.label, act };
}
