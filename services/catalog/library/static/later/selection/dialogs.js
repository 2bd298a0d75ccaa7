// What is to be done with the selected files: their tags, their fields, when they expire.
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import { straight, t } from "../../texts.js";
import { useLibrary, useLibraryState, useModal } from "../../views/context.js";
import { change, isLarge, unset, untag } from "./acts.js";

const FIELDS = ["title", "alt", "caption", "credit", "information"];
const ROWS = { alt: 2, caption: 2, information: 2 };
const TAGS_SHOWN = 40;

// A dialog with a form. `onSend` is called if it is sent.
export function Sheet({ title, send, isReady, isLarge = false, onSend, onClose, children }) {
  const box = useModal();
  const onSubmit = (event) => {
    event.preventDefault();
    if (!isReady) return;
    onClose();
    onSend();
  };
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog class="dialog sheet-dialog" ref=${box} aria-labelledby="sheet-title" onCancel=${onCancel}>
    <form onSubmit=${onSubmit}>
      <h2 id="sheet-title">${title}</h2>
      ${children} ${isLarge && html`<p class="notice"><span>${t("selection.large")}</span></p>`}
      <div class="answers">
        <button type="button" class="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="button primary" disabled=${!isReady}>${send}</button>
      </div>
    </form>
  </dialog>`;
}

const tagsIn = (text) => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];

export function TagsDialog({ chosen, count, onClose }) {
  const library = useLibrary();
  const known = useLibraryState((state) => state.facets?.tag) ?? [];
  const [text, setText] = useState("");
  const [removed, setRemoved] = useState([]);
  const added = tagsIn(text);
  const here = chosen.isAll ? known.map(({ value }) => value) : tagsOf(chosen.files.values());
  const toggle = (tag) => setRemoved(removed.includes(tag) ? removed.filter((one) => one !== tag) : [...removed, tag]);
  const send = () => {
    const fields = { ...(added.length && { add_tags: added }), ...(removed.length && { remove_tags: removed }) };
    change(library, chosen, count, t("selection.tagged", { count }), fields, untag);
  };
  const isReady = added.length + removed.length > 0;
  return html`<${Sheet}
    title=${t("selection.tags.title", { count })}
    send=${t("selection.send")}
    isLarge=${isLarge(chosen, count)}
    ...${{ isReady, onClose, onSend: send }}
  >
    <div class="field">
      <label for="tags-added">${t("selection.tags.add")}</label>
      <input
        id="tags-added"
        type="text"
        list="tags-known"
        autocomplete="off"
        placeholder=${t("selection.tags.comma")}
        value=${text}
        onInput=${(event) => setText(event.target.value)}
      />
      <datalist id="tags-known">${known.map(({ value }) => html`<option value=${value} />`)}</datalist>
    </div>
    ${here.length > 0 &&
    html`<fieldset class="field">
      <legend>${t("selection.tags.remove")}</legend>
      <div class="pills">
        ${here.slice(0, TAGS_SHOWN).map(
          (tag) => html`<button type="button" class="pill" aria-pressed=${removed.includes(tag)} onClick=${() => toggle(tag)}>
            <span class="cut">${straight(tag)}</span>
          </button>`,
        )}
      </div>
    </fieldset>`}
  <//>`;
}

function tagsOf(files) {
  const counts = new Map();
  for (const { tags } of files) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]).map(([tag]) => tag);
}

export function FieldsDialog({ chosen, count, onClose }) {
  const library = useLibrary();
  const [texts, setTexts] = useState({});
  const set = (name, text) => setTexts({ ...texts, [name]: text });
  const leave = (name) => setTexts(Object.fromEntries(Object.entries(texts).filter(([one]) => one !== name)));
  const send = () => {
    const fields = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.trim() || null]));
    change(library, chosen, count, t("selection.edited", { count }), fields, unset);
  };
  return html`<${Sheet}
    title=${t("selection.fields.title", { count })}
    send=${t("selection.send")}
    isReady=${Object.keys(texts).length > 0}
    isLarge=${isLarge(chosen, count)}
    ...${{ onClose, onSend: send }}
  >
    <p>${t("selection.fields.text")}</p>
    ${FIELDS.map((name) => {
      const isChanged = name in texts;
      return html`<div class="field choice" key=${name}>
        <label class="check">
          <input type="checkbox" checked=${isChanged} onChange=${() => (isChanged ? leave(name) : set(name, ""))} />
          ${t(`field.${name}`)}
        </label>
        ${isChanged &&
        html`<textarea
          rows=${ROWS[name] ?? 1}
          aria-label=${t(`field.${name}`)}
          placeholder=${t("selection.fields.empty")}
          value=${texts[name]}
          onInput=${(event) => set(name, event.target.value)}
        />`}
      </div>`;
    })}
  <//>`;
}

export function ExpiryDialog({ chosen, count, onClose }) {
  const library = useLibrary();
  const [choice, setChoice] = useState("");
  const [date, setDate] = useState("");
  const fields = {
    now: { expired: true },
    date: { expired: false, expiration_date: date && new Date(date).toISOString() },
    never: { expired: false, expiration_date: null },
  }[choice];
  const isReady = choice !== "" && (choice !== "date" || date !== "");
  const send = () => change(library, chosen, count, t("selection.expired", { count }), fields, unset);
  return html`<${Sheet}
    title=${t("selection.expiry.title", { count })}
    send=${t("selection.send")}
    isLarge=${isLarge(chosen, count)}
    ...${{ isReady, onClose, onSend: send }}
  >
    ${["now", "date", "never"].map(
      (name) => html`<label class="check" key=${name}>
        <input type="radio" name="expiry" checked=${choice === name} onChange=${() => setChoice(name)} />
        ${t(`selection.expiry.${name}`)}
      </label>`,
    )}
    ${choice === "date" &&
    html`<input
      type="datetime-local"
      required
      aria-label=${t("field.expiration_date")}
      value=${date}
      onInput=${(event) => setDate(event.target.value)}
    />`}
  <//>`;
}
