// The fields of an entry, and what to do if two people edit it.
import { useEffect, useRef, useState } from "preact/hooks";
import { lacksAlt } from "../assets.js";
import { html } from "../html.js";
import { straight, t } from "../texts.js";
import { useLibrary, useLibraryState } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { changed, tagsOf, textOf, written } from "./draft.js";

export function Form({ model }) {
  const library = useLibrary();
  const { entry, form, base, clashes, status } = model;
  const canWrite = library.may("write", entry.namespace) && status !== "gone";
  const isReadOnly = !library.may("write", entry.namespace);
  const dirty = changed(base, form);
  const field = (name, more = {}) => html`<${Field} model=${model} name=${name} isReadOnly=${isReadOnly} ...${more} />`;
  useEffect(() => {
    const onKeyDown = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
      event.preventDefault();
      if (canWrite && model.isDirty) model.save();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [canWrite]);
  return html`<form class="block fields" onSubmit=${(event) => event.preventDefault()}>
    ${field("title")} ${field("alt", { rows: 2, warning: !form.alt && lacksAlt(entry) ? t("alt.missing") : "" })}
    ${field("caption", { rows: 2 })} ${field("credit")}
    <${Tags} model=${model} isReadOnly=${isReadOnly} />
    ${field("information", { rows: 2 })} ${field("external_id")}
    ${field("visible_from", { type: "datetime-local" })} ${field("expiration_date", { type: "datetime-local" })}
    <label class="check">
      <input
        type="checkbox"
        checked=${form.expired === "true"}
        disabled=${isReadOnly}
        onChange=${(event) => model.type("expired", event.target.checked ? "true" : "")}
      />
      ${t("field.expired")}
    </label>
    <${Clash} model=${model} name="expired" />
    <div class="pair">
      ${field("focus_x", { type: "number", min: 0, max: 1, step: "any", placeholder: t("focus.range") })}
      ${field("focus_y", { type: "number", min: 0, max: 1, step: "any", placeholder: t("focus.range") })}
    </div>
    ${clashes.length > 0 && html`<p class="notice" role="alert"><${Icon} name="warn" /><span>${t("clash.text")}</span></p>`}
    ${canWrite && (dirty.length > 0 || model.isSaving)
      ? html`<div class="savebar">
          <span>${t("unsaved", { count: dirty.length })}</span>
          <button type="button" class="button" onClick=${() => model.discard()}>${t("discard")}</button>
          <button
            type="button"
            class="button primary"
            disabled=${model.isSaving || clashes.length > 0}
            onClick=${model.save}
          >${t(model.isSaving ? "saving" : "save")}</button>
        </div>`
      : html`<${Purged} purge=${model.purge} />`}
  </form>`;
}

// Whether everybody sees what was saved.
function Purged({ purge }) {
  return html`<p class=${`purged ${purge?.state ?? ""}`} role="status">
    ${purge &&
    html`<${Icon} name=${purge.state === "done" ? "check" : "clock"} size=${18} />
      ${purge.state === "done" ? t("purge.done", { seconds: purge.seconds.toFixed(2) }) : t("purge.queued")}`}
  </p>`;
}

function Field({ model, name, isReadOnly, rows = 0, warning = "", ...more }) {
  const isChanged = model.base[name] !== model.form[name];
  const common = {
    id: `field-${name}`,
    name,
    value: model.form[name],
    readOnly: isReadOnly,
    autocomplete: "off",
    "aria-describedby": warning ? `warning-${name}` : undefined,
    onInput: (event) => model.type(name, event.target.value),
  };
  return html`<div class=${`field ${isChanged ? "changed" : ""}`}>
    <label for=${common.id}>${t(`field.${name}`)}</label>
    ${rows ? html`<textarea rows=${rows} ...${common} />` : html`<input type="text" ...${more} ...${common} />`}
    ${warning && html`<small class="warning" id=${`warning-${name}`}><${Icon} name="warn" size=${14} />${warning}</small>`}
    <${Clash} model=${model} name=${name} />
  </div>`;
}

// Somebody else has changed the same field: both texts are shown, and one is chosen.
function Clash({ model, name }) {
  if (!model.clashes.includes(name)) return null;
  const theirs = written(model.entry)[name];
  return html`<div class="clash" role="group" aria-label=${t(`field.${name}`)}>
    <p>${t("clash.theirs")} <q>${name === "tags" ? tagsOf(theirs).join(", ") : straight(theirs) || t("clash.empty")}</q></p>
    <button type="button" class="button" onClick=${() => model.decide(name, true)}>${t("clash.mine")}</button>
    <button type="button" class="button" onClick=${() => model.decide(name, false)}>${t("clash.take")}</button>
  </div>`;
}

function Tags({ model, isReadOnly }) {
  const [text, setText] = useState("");
  const input = useRef();
  const known = useLibraryState((state) => state.facets?.tag) ?? [];
  const tags = tagsOf(model.form.tags);
  const set = (next) => model.type("tags", textOf(next));
  const add = (typed) => {
    const more = typed.split(",").map((tag) => tag.trim()).filter(Boolean);
    if (more.length) set([...tags, ...more]);
    setText("");
  };
  const remove = (tag) => {
    set(tags.filter((one) => one !== tag));
    input.current.focus();
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && text.trim()) {
      event.preventDefault();
      add(text);
    } else if (event.key === "Backspace" && !text && tags.length) set(tags.slice(0, -1));
  };
  const onInput = (event) => (event.target.value.includes(",") ? add(event.target.value) : setText(event.target.value));
  return html`<div class=${`field ${model.base.tags !== model.form.tags ? "changed" : ""}`}>
    <label for="field-tags">${t("field.tags")}</label>
    <div class="tags">
      ${tags.map(
        (tag) => html`<span class="tag" key=${tag}>
          <span class="cut">${straight(tag)}</span>
          ${!isReadOnly &&
          html`<button
            type="button"
            aria-label=${t("tag.remove", { name: tag })}
            onClick=${() => remove(tag)}
          ><${Icon} name="close" size=${14} /></button>`}
        </span>`,
      )}
      ${!isReadOnly &&
      html`<input
        id="field-tags"
        ref=${input}
        type="text"
        list="known-tags"
        autocomplete="off"
        value=${text}
        placeholder=${t("tag.add")}
        onInput=${onInput}
        onKeyDown=${onKeyDown}
        onBlur=${() => add(text)}
      />`}
      <datalist id="known-tags">${known.map(({ value }) => html`<option value=${value} />`)}</datalist>
    </div>
    <${Clash} model=${model} name="tags" />
  </div>`;
}
