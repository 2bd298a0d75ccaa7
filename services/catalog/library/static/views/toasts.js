// What has just happened, and how to undo it.
import { html } from "../html.js";
import { t } from "../texts.js";
import { useLibrary, useLibraryState } from "./context.js";
import { Icon } from "./icons.js";

export function Toasts() {
  const library = useLibrary();
  const toasts = useLibraryState((state) => state.toasts);
  useLibraryState((state) => state.language);
  return toasts.map(({ id, text, more, kind, action }) => {
    const act = () => {
      library.dismiss(id);
      action.act();
    };
    return html`<div class=${`toast ${kind}`} key=${id}>
      <p>${text}${more && html`<small>${more}</small>`}</p>
      ${action && html`<button class="button" onClick=${act}>${action.label}</button>`}
      <button class="button plain" aria-label=${t("close")} onClick=${() => library.dismiss(id)}>
        <${Icon} name="close" />
      </button>
    </div>`;
  });
}
