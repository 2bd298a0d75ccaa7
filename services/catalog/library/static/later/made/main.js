// What an entry is made of: its stored file, what small forms are made from, and its copies in the caches.
import { useEffect, useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { bytes, explained, t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { numbered } from "./names.js";
import { Node } from "./node.js";
import { Purge, told } from "./purge.js";
import { warm } from "./warm.js";

export { told };

const AGAIN = 600;

export function Made({ entry, model }) {
  const [isOpen, setOpen] = useState(false);
  return html`<section class="block made">
    <button class="button plain fold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name=${isOpen ? "down" : "right"} />${t("made")}
    </button>
    ${model.change > 0 && html`<${Purge} key=${model.change} change=${model.change} />`}
    ${isOpen && html`<${Parts} key=${model.change} entry=${entry} model=${model} />`}
  </section>`;
}

function Parts({ entry, model }) {
  const [found, setFound] = useState(null);
  const path = `catalog/${encodeURIComponent(entry.uuid)}`;
  const look = async () => {
    try {
      const [forms, versions] = await Promise.all([read(`${path}/forms`, {}, 1), read(`${path}/versions`)]);
      setFound({ forms, versions: versions.data });
    } catch (failure) {
      setFound((before) => ({ ...before, failure }));
    }
  };
  useEffect(() => {
    look();
  }, []);
  return html`
    <dl>
      <dt>${t("made.file")}</dt>
      <dd>${[bytes(entry.size), found?.forms && t(`made.storage.${found.forms.storage}`)].filter(Boolean).join(" · ")}</dd>
      <dt>${t("made.key")}</dt>
      <dd><code>${entry.storage_key}</code></dd>
      <dt>${t("made.digest")}</dt>
      <dd><code>${entry.signature}</code></dd>
      ${found?.versions?.length > 0 &&
      html`<dt>${t("versions")}</dt>
        <dd>${t("made.versions", { count: found.versions.length, bytes: bytes(sum(found.versions, "size")) })}</dd>`}
      ${found?.forms && html`<dt>${t("made.reduction")}</dt><dd>${reduction(found.forms.reduction)}</dd>`}
    </dl>
    <h3>${t("made.caches")}</h3>
    ${!found && html`<p class="quiet" role="status">${t("loading")}</p>`}
    ${found?.failure && html`<${Unknown} failure=${found.failure} onRetry=${look} />`}
    ${found?.forms && html`<${Caches} entry=${entry} model=${model} forms=${found.forms} look=${look} />`}
  `;
}

function Unknown({ failure, onRetry }) {
  const { text, more } = explained(failure);
  const said = failure.code === "no_worker" ? t("made.worker") : `${text} ${more}`;
  return html`<div class="notice" role="alert">
    <${Icon} name="warn" /><span>${said}</span><button class="button" onClick=${onRetry}>${t("retry")}</button>
  </div>`;
}

function Caches({ entry, model, forms, look }) {
  const library = useLibrary();
  const [warming, setWarming] = useState(null);
  const purge = async () => {
    const began = performance.now();
    try {
      const answer = await request("POST", `catalog/${encodeURIComponent(entry.uuid)}/purge`);
      model.purged(answer, (performance.now() - began) / 1000);
    } catch (error) {
      library.complain(error);
    }
  };
  const start = async () => {
    try {
      setWarming({ isDone: false, text: t("made.warming") });
      const text = await warm(entry);
      setWarming({ isDone: true, text });
      // Nodes note what they have stored once in a second.
      setTimeout(look, AGAIN);
    } catch (error) {
      setWarming(null);
      library.complain(error);
    }
  };
  return html`
    ${numbered(forms.data).map(([node, number]) => html`<${Node} key=${node.node} node=${node} number=${number} />`)}
    <p><small>${t("made.hits.text")}</small></p>
    <div class="with-button">
      <button class="button" onClick=${look}><${Icon} name="retry" />${t("made.again")}</button>
      ${library.may("write", entry.namespace) &&
      html`
        <button class="button" onClick=${purge}>${t("made.purge")}</button>
        ${forms.warmed.length > 0 &&
        html`<button class="button" disabled=${warming && !warming.isDone} onClick=${start}>${t("made.warm")}</button>`}
      `}
    </div>
    ${library.may("write", entry.namespace) && html`<p><small>${t("made.purge.text")}</small></p>`}
    ${forms.warmed.length > 0 && html`<p><small>${t("made.warm.text", { names: forms.warmed.join(", ") })}</small></p>`}
    <p role="status">${warming?.text}</p>
  `;
}

function reduction(found) {
  if (!found) return t("made.reduction.none");
  const sides = found.pictures.map(({ width, height }) => `${width} × ${height}`).join(", ");
  return `${bytes(found.bytes)} · ${sides}`;
}

const sum = (all, field) => all.reduce((total, one) => total + one[field], 0);
