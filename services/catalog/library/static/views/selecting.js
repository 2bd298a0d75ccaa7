// What can be done with the files that are selected, as soon as some are.
import { html } from "../html.js";
import { part, useLater, useLibraryState } from "./context.js";

export function Selecting() {
  const selection = useLibraryState((state) => state.selection);
  const found = useLater(part("selection"), selection !== null);
  return found && html`<${found.Selection} />`;
}
