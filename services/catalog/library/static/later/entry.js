// One entry as it is now, what somebody has typed for it, and how both go together.
import { useEffect, useReducer, useRef } from "preact/hooks";
import { Failure, read, request } from "../api.js";
import { t } from "../texts.js";
import { lookAndWrite } from "./condition.js";
import { body, changed, decided, rebased, written } from "./draft.js";

const LOOK_EVERY = 15000;

// What was typed for entries that are not shown any more, by their uuids: going back in the history loses nothing.
const drafts = new Map();
addEventListener("beforeunload", (event) => {
  if (drafts.size) event.preventDefault();
});

class Model {
  #tag = "";
  #saving = null;

  constructor(library, uuid, tell) {
    Object.assign(this, { library, uuid, tell, entry: null, status: "loading", failure: null, isSaving: false, purge: null });
    // The number of the last change of the entry, by anybody.
    this.change = 0;
    Object.assign(this, { base: null, form: null, clashes: [] });
  }

  get isDirty() {
    return this.form !== null && changed(this.base, this.form).length > 0;
  }

  load = async () => {
    this.#set({ status: this.entry ? this.status : "loading", failure: null });
    try {
      await this.look();
      this.#set({ status: "there" });
    } catch (error) {
      this.#lost(error);
    }
  };

  // Look what the entry is now. What was typed stays.
  async look() {
    const headers = this.#tag ? { "If-None-Match": this.#tag } : {};
    const answer = await read(`catalog/${encodeURIComponent(this.uuid)}`, { headers });
    if (answer.unchanged) return [];
    this.#tag = answer.etag;
    return this.#take(answer.data[0]);
  }

  // Look now and then, as long as somebody has the page before the eyes.
  watch = async () => {
    if (document.hidden || this.isSaving || this.status !== "there") return;
    try {
      await this.look();
    } catch (error) {
      if (error.status === 404) this.#lost(error);
      // Otherwise the next look, or the next save, will say it.
    }
  };

  // Somebody has changed the entry, maybe here.
  heard = ({ detail }) => {
    this.#note(detail);
    return this.watch();
  };

  // Of two changes, the later one may be told first.
  #note(change) {
    if (Number(change) > this.change) this.#set({ change: Number(change) });
  }

  type(name, text) {
    this.#set({ form: { ...this.form, [name]: text }, purge: null });
  }

  decide(name, isMine) {
    const theirs = written(this.entry)[name];
    this.#set({ ...decided(this, name, theirs, isMine), clashes: this.clashes.filter((one) => one !== name) });
  }

  discard() {
    this.#set({ form: { ...written(this.entry) }, base: written(this.entry), clashes: [] });
  }

  // Save what is changed; return whether it is saved. What others have changed meanwhile is not overwritten unseen.
  save = () => {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  };

  async #save() {
    this.#set({ isSaving: true });
    const began = performance.now();
    try {
      const followed = new Set();
      const answer = await lookAndWrite(async (asRead) => {
        for (const name of await this.look()) followed.add(name);
        if (this.clashes.length || !this.isDirty) return null;
        const json = body(this.base, this.form);
        return request("PATCH", `catalog/${encodeURIComponent(this.uuid)}`, { json, headers: asRead(this.#tag) });
      });
      if (!answer) return !this.clashes.length;
      this.written(answer.data[0], answer.purge, (performance.now() - began) / 1000, answer.change);
      if (followed.size) this.library.say(t("others.followed", { names: this.names([...followed]) }));
      return true;
    } catch (error) {
      if (error.status === 404) this.#lost(error);
      else this.library.complain(error);
      return false;
    } finally {
      this.#set({ isSaving: false });
    }
  }

  // Take what a write has answered: nothing is to be saved any more. `change` is its number.
  written(entry, purge, seconds, change) {
    const now = written(entry);
    this.#tag = "";
    this.#set({ entry, base: now, form: { ...now }, clashes: [], purge: { state: purge, seconds } });
    this.#note(change);
    this.library.noteEntry(entry);
  }

  // Take what a purge has answered. What was typed stays.
  purged({ purge, change }, seconds) {
    this.#set({ purge: { state: purge, seconds } });
    this.#note(change);
  }

  names(fields) {
    return fields.map((name) => t(`field.${name}`)).join(", ");
  }

  // Return the deleted asset with this uuid in the trash, or null.
  async findTrashed() {
    try {
      const { data } = await read("catalog/trash", { query: new URLSearchParams({ limit: 1000 }) });
      return data.find((one) => one.uuid === this.uuid) ?? null;
    } catch {
      return null;
    }
  }

  #take(entry) {
    const now = written(entry);
    const draft = this.form ? this : drafts.get(this.uuid);
    drafts.delete(this.uuid);
    const next = draft ? rebased(draft.base, draft.form, now) : { base: now, form: { ...now }, clashes: [], followed: [] };
    this.#set({ entry, base: next.base, form: next.form, clashes: next.clashes });
    this.library.noteEntry(entry);
    return next.followed;
  }

  #lost(error) {
    if (error instanceof Failure && error.status === 404) {
      this.#set({ status: "gone" });
      this.library.noteGone(this.uuid);
    } else this.#set({ status: this.entry ? "there" : "failed", failure: error });
  }

  #set(fields) {
    Object.assign(this, fields);
    this.tell();
  }
}

export function useEntry(library, uuid) {
  const [, again] = useReducer((count) => count + 1, 0);
  const kept = useRef();
  kept.current ??= new Model(library, uuid, again);
  const model = kept.current;
  useEffect(() => {
    model.load();
    const timer = setInterval(model.watch, LOOK_EVERY);
    document.addEventListener("visibilitychange", model.watch);
    library.changes.addEventListener(uuid, model.heard);
    const unload = (event) => model.isDirty && event.preventDefault();
    addEventListener("beforeunload", unload);
    const release = library.protect(() => mayLeave(library, model));
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", model.watch);
      library.changes.removeEventListener(uuid, model.heard);
      removeEventListener("beforeunload", unload);
      release();
      model.tell = () => {};
      if (!model.isDirty) return;
      // The reader went back, or to another address: what was typed is kept.
      drafts.set(uuid, { base: model.base, form: model.form });
      const action = { label: t("draft.open"), act: () => library.open(uuid) };
      library.say(t("draft.kept", { name: model.entry.filename }), { action });
    };
  }, []);
  return model;
}

// Ask whether what was typed is saved, before another entry is opened.
async function mayLeave(library, model) {
  if (!model.isDirty) return true;
  const choice = await library.ask({
    title: t("leave.title"),
    text: t("leave.text", { name: model.entry.filename }),
    answers: [
      { value: "stay", label: t("leave.stay") },
      { value: "discard", label: t("discard"), kind: "danger" },
      ...(model.status === "gone" ? [] : [{ value: "save", label: t("save"), kind: "primary" }]),
    ],
  });
  if (choice === "save") return model.save();
  if (choice === "discard") model.discard();
  return choice === "discard";
}
