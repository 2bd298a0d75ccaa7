// A picture as large as the window, or pixel by pixel.
import { useState } from "preact/hooks";
import { formAddress, kindOf } from "../assets.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { useModal } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { dimensions } from "../views/tile.js";

const LARGE = 1600;

export function Viewer({ entry, assets, onClose }) {
  const dialog = useModal();
  const [isWhole, setWhole] = useState(true);
  const size = kindOf(entry) === "svg" ? LARGE : Math.min(LARGE, entry.width ?? LARGE);
  const given = { _: entry.signature.slice(0, 8) };
  const src = isWhole
    ? formAddress(assets, `${size}x0`, entry.unique_name, given)
    : formAddress(assets, kindOf(entry) === "svg" ? `${LARGE}x0` : "full", entry.unique_name, given);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog class="viewer" ref=${dialog} aria-label=${entry.filename} onCancel=${onCancel}>
    <header>
      <span>${entry.filename} <small>${dimensions(entry)}</small></span>
      <div class="group" role="group" aria-label=${t("size")}>
        <button class="button plain" aria-pressed=${isWhole} onClick=${() => setWhole(true)}>${t("viewer.whole")}</button>
        <button class="button plain" aria-pressed=${!isWhole} onClick=${() => setWhole(false)}>100 %</button>
      </div>
      <button class="button plain" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    <div class=${isWhole ? "whole" : "exact"} tabindex="0"><img key=${src} src=${src} alt=${entry.alt ?? ""} /></div>
  </dialog>`;
}
