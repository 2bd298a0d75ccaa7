// One entry beside the grid: what it is, what people say of it, and what can be done with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { formAddress, kindOf, stateOf, typeName } from "../assets.js";
import { html } from "../html.js";
import { bytes, date, explained, t } from "../texts.js";
import { useLibrary } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { dimensions, Picture } from "../views/tile.js";
import { CopyAndSave } from "./copying.js";
import { Form } from "./form.js";
import { useEntry } from "./entry.js";
import { FocusButton } from "./focusing.js";
import { MadeOf } from "./made/block.js";
import { Past } from "./past.js";
import { bringBack, remove } from "./removing.js";
import { sendForm } from "./sending.js";
import { Viewer } from "./viewer.js";

const PREVIEW = { width: 360, height: 270 };

export function Details({ uuid }) {
  const library = useLibrary();
  const model = useEntry(library, uuid);
  const panel = useRef();
  const { entry, status, failure } = model;
  useEffect(() => {
    // On a phone the panel covers everything, so the reader goes there.
    if (matchMedia("(max-width: 900px)").matches) panel.current.focus();
  }, []);
  const close = () => library.closeAsset();
  const onKeyDown = (event) => {
    if (event.key === "Escape" && !event.target.closest("dialog")) {
      event.stopPropagation();
      close();
    }
  };
  return html`<aside class="details" ref=${panel} tabindex="-1" aria-label=${t("details")} onKeyDown=${onKeyDown}>
    <header>
      <h2 title=${entry?.unique_name}>${entry?.filename ?? t("details")}</h2>
      <button class="button plain" aria-label=${t("close")} title=${t("close")} onClick=${close}><${Icon} name="close" /></button>
    </header>
    ${status === "loading" && html`<p class="quiet pad">${t("loading")}</p>`}
    ${status === "failed" && html`<${Failed} failure=${failure} onRetry=${model.load} />`}
    ${status === "gone" && html`<${Gone} model=${model} uuid=${uuid} />`}
    ${entry &&
    html`
      <div class="scroll">
        ${status !== "gone" && html`<${Preview} entry=${entry} library=${library} /><${FocusButton} model=${model} />`}
        <${Form} model=${model} />
        ${status !== "gone" &&
        html`
          <${CopyAndSave} entry=${entry} />
          <${Facts} entry=${entry} />
          <${Past} entry=${entry} model=${model} />
          <${MadeOf} entry=${entry} model=${model} />
          <${Acts} entry=${entry} model=${model} />
        `}
      </div>
    `}
  </aside>`;
}

function Failed({ failure, onRetry }) {
  const { text, more } = explained(failure);
  return html`<div class="notice" role="alert">
    <${Icon} name="warn" /><span>${text} ${more}</span><button class="button" onClick=${onRetry}>${t("retry")}</button>
  </div>`;
}

function Gone({ model, uuid }) {
  const library = useLibrary();
  const [trashed, setTrashed] = useState(null);
  useEffect(() => {
    model.findTrashed().then(setTrashed);
  }, []);
  const restore = async () => {
    if (await bringBack(library, trashed.id)) model.load();
  };
  return html`<div class="notice" role="alert">
    <${Icon} name="warn" />
    <span>${t(model.entry ? "gone.open" : "gone")}${model.isDirty && ` ${t("gone.kept")}`}</span>
    ${trashed && library.may("write") && html`<button class="button" onClick=${restore}>${t("gone.restore")}</button>`}
  </div>`;
}

function Preview({ entry, library }) {
  const [isLarge, setLarge] = useState(false);
  const state = stateOf(entry);
  const canEnlarge = state === "live" && kindOf(entry) !== "pdf";
  return html`
    <button class="preview mat" disabled=${!canEnlarge} aria-label=${t("preview.enlarge")} onClick=${() => setLarge(true)}>
      <${Picture} key=${entry.signature} entry=${entry} box=${PREVIEW} size="l" assets=${library.assets} />
    </button>
    ${state !== "live" && html`<p class="notice calm"><${Icon} name="clock" /><span>${stateText(entry, state)}</span></p>`}
    ${isLarge && html`<${Viewer} entry=${entry} assets=${library.assets} onClose=${() => setLarge(false)} />`}
  `;
}

function stateText(entry, state) {
  if (state === "hidden") return t("state.hidden.text", { date: date(entry.visible_from, true) });
  return entry.expiration_date && Date.parse(entry.expiration_date) <= Date.now()
    ? t("state.expired.since", { date: date(entry.expiration_date, true) })
    : t("state.expired.text");
}

function Facts({ entry }) {
  const facts = [
    ["fact.type", typeName(entry.original_mimetype)],
    ["fact.dimensions", dimensions(entry)],
    ["fact.bytes", bytes(entry.size)],
    ["fact.color", entry.dominant_color],
    ["fact.path", entry.unique_name],
    ["fact.original", entry.original_filename],
    ["fact.version", String(entry.version)],
    ["fact.uploaded", date(entry.uploaded_date, true)],
    ["fact.updated", date(entry.updated_date, true)],
    ["fact.uuid", entry.uuid],
    ["fact.meta", Object.keys(entry.meta).length ? JSON.stringify(entry.meta) : ""],
  ];
  return html`<section class="block">
    <h3>${t("facts")}</h3>
    <dl>${facts.filter(([, value]) => value).map(([name, value]) => html`<dt>${t(name)}</dt><dd>${value}</dd>`)}</dl>
  </section>`;
}

function Acts({ entry, model }) {
  const library = useLibrary();
  const chooser = useRef();
  const [sent, setSent] = useState(null);
  // The public gets signed addresses alone there; at the page's own origin, none needs a signature.
  const base = library.state.about.signed_urls ? library.assets : entry.base_url;
  const open = formAddress(base, kindOf(entry) === "picture" ? "full" : "original", entry.unique_name);
  const replace = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    setSent(0);
    const began = performance.now();
    try {
      const told = (bytes) => setSent(Math.min(1, bytes / file.size));
      const answer = await sendForm("PATCH", `file/${entry.uuid}`, { file }, { told });
      model.written(answer.data[0], answer.header("x-purge"), (performance.now() - began) / 1000, answer.header("x-change"));
    } catch (error) {
      library.complain(error);
    } finally {
      setSent(null);
    }
  };
  const canWrite = library.may("write", entry.namespace);
  return html`<section class="block acts">
    <a class="button" href=${open} target="_blank" rel="noopener noreferrer"><${Icon} name="picture" />${t("open")}</a>
    ${canWrite &&
    html`
      <input type="file" hidden ref=${chooser} accept=${entry.original_mimetype.replace(/^image\/(png|jpeg|webp)$/, "image/*")} onChange=${replace} />
      <button class="button" disabled=${sent !== null} onClick=${() => chooser.current.click()}>
        <${Icon} name="replace" />${sent === null ? t("replace") : t("replacing")}
      </button>
      <button class="button danger" onClick=${() => remove(library, entry)}><${Icon} name="trash" />${t("delete")}</button>
    `}
    ${sent !== null && html`<progress max="1" value=${sent} aria-label=${t("replacing")} />`}
  </section>`;
}
