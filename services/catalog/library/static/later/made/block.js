// The place of the part "made" among the details of an entry.
import { html } from "../../html.js";
import { part, useLater } from "../../views/context.js";

export function MadeOf({ entry, model }) {
  const made = useLater(part("made"));
  return made && html`<${made.Made} entry=${entry} model=${model} />`;
}
