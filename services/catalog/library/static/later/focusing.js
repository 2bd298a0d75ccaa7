// The button that opens the focal point of a picture, and what is cut out of it.
import { useState } from "preact/hooks";
import { stateOf } from "../assets.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { part, useLater } from "../views/context.js";
import { Icon } from "../views/icons.js";

export function FocusButton({ model }) {
  const [isOpen, setOpen] = useState(false);
  const focus = useLater(part("focus"), isOpen);
  const { entry } = model;
  // Where cuts are follows from the sides. What is not delivered cannot be shown.
  if (!entry.width || !entry.height || stateOf(entry) !== "live") return null;
  return html`
    <div class="block first">
      <button class="button" onClick=${() => setOpen(true)}><${Icon} name="crop" />${t("focus.open")}</button>
    </div>
    ${isOpen && focus && html`<${focus.FocusAndCrop} model=${model} onClose=${() => setOpen(false)} />`}
  `;
}
