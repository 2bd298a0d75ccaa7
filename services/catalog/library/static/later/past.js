// What an entry was before: earlier versions, which can be compared and brought back, and what has happened to it.
import { useEffect, useState } from "preact/hooks";
import { authorization, read, request, ROOT } from "../api.js";
import { formAddress, kindOf } from "../assets.js";
import { html } from "../html.js";
import { bytes, date, explained, t } from "../texts.js";
import { useLibrary, useModal } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { dimensions } from "../views/tile.js";

const SHOWN = 20;
const LARGE = 1200;

export function Past({ entry, model }) {
  const [isOpen, setOpen] = useState(false);
  return html`<section class="block">
    <button class="button plain fold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name=${isOpen ? "down" : "right"} />${t("past")}
    </button>
    ${isOpen && html`<${Lists} key=${entry.updated_date} entry=${entry} model=${model} />`}
  </section>`;
}

function Lists({ entry, model }) {
  const [found, setFound] = useState(null);
  const [compared, setCompared] = useState(null);
  const path = `catalog/${encodeURIComponent(entry.uuid)}`;
  useEffect(() => {
    const history = read(`${path}/history`, { query: new URLSearchParams({ limit: SHOWN }) });
    Promise.all([read(`${path}/versions`), history]).then(
      ([versions, events]) => setFound({ versions: versions.data, events: events.data }),
      (failure) => setFound({ failure }),
    );
  }, []);
  if (!found) return html`<p class="quiet">${t("loading")}</p>`;
  if (found.failure) return html`<p class="quiet" role="alert">${explained(found.failure).text}</p>`;
  return html`
    <h3>${t("versions")}</h3>
    ${found.versions.length === 0 && html`<p class="quiet">${t("versions.none")}</p>`}
    <ul class="past">
      ${found.versions.map(
        (version) => html`<${Version}
          key=${version.version}
          version=${version}
          entry=${entry}
          model=${model}
          onCompare=${() => setCompared(version)}
        />`,
      )}
    </ul>
    <h3>${t("history")}</h3>
    <ul class="past">
      ${found.events.map(
        (event) => html`<li key=${event.id}>
          <div><b>${happened(event)}</b><small>${date(event.time, true)} · ${event.who}</small></div>
        </li>`,
      )}
    </ul>
    ${compared && html`<${Comparison} version=${compared} entry=${entry} onClose=${() => setCompared(null)} />`}
  `;
}

// Return what happened, with the fields that were changed.
function happened({ kind, after }) {
  const fields = Object.keys(after ?? {}).filter((name) => kind === "asset.changed" && name !== "uuid");
  const names = fields.map((name) => (t(`field.${name}`) === `field.${name}` ? name : t(`field.${name}`)));
  return t(`event.${kind}`) + (names.length ? `: ${names.join(", ")}` : "");
}

function Version({ version, entry, model, onCompare }) {
  const library = useLibrary();
  const number = version.version;
  const restore = async () => {
    const began = performance.now();
    try {
      const answer = await request("POST", `catalog/${encodeURIComponent(entry.uuid)}/versions/${number}/restore`);
      model.written(answer.data[0], answer.purge, (performance.now() - began) / 1000, answer.change);
    } catch (error) {
      library.complain(error);
    }
  };
  return html`<li>
    <div>
      <b>${t("version", { number })}</b>
      <small>${[dimensions(version), bytes(version.size), date(version.replaced_date, true)].filter(Boolean).join(" · ")}</small>
    </div>
    ${kindOf(version) !== "pdf" &&
    html`<button class="button" aria-label=${t("version.compare", { number })} onClick=${onCompare}>${t("compare")}</button>`}
    ${library.may("write", entry.namespace) &&
    html`<button class="button" aria-label=${t("version.restore", { number })} onClick=${restore}>${t("restore")}</button>`}
  </li>`;
}

// An earlier version beside the present one. Nobody but who has the right gets its bytes, so they are fetched.
function Comparison({ version, entry, onClose }) {
  const library = useLibrary();
  const dialog = useModal();
  const [src, setSrc] = useState("");
  useEffect(() => {
    let made = "";
    const address = new URL(`catalog/${encodeURIComponent(entry.uuid)}/versions/${version.version}/file`, ROOT);
    fetch(address, { headers: authorization() })
      .then((answer) => (answer.ok ? answer.blob() : Promise.reject(new Error(String(answer.status)))))
      .then((blob) => {
        // As a picture, an SVG runs no script.
        made = URL.createObjectURL(new Blob([blob], { type: version.original_mimetype }));
        setSrc(made);
      })
      .catch((error) => library.complain(error));
    return () => URL.revokeObjectURL(made);
  }, []);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const now = formAddress(library.assets, `${LARGE}x0`, entry.unique_name, { _: entry.signature.slice(0, 8) });
  return html`<dialog class="viewer" ref=${dialog} aria-label=${t("compare")} onCancel=${onCancel}>
    <header>
      <span>${entry.filename}</span>
      <button class="button plain" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    <div class="whole compared">
      <figure>${src && html`<img src=${src} alt="" />`}<figcaption>${t("version", { number: version.version })}</figcaption></figure>
      <figure><img src=${now} alt=${entry.alt ?? ""} /><figcaption>${t("version.now", { number: entry.version })}</figcaption></figure>
    </div>
  </dialog>`;
}
