// The entries, or why there are none.
import { hasFilters, withoutFilters } from "../address.js";
import { html } from "../html.js";
import { explained, t } from "../texts.js";
import { part, useLibrary, useLibraryState } from "./context.js";
import { Grid } from "./grid.js";
import { Icon } from "./icons.js";

const NEAR = 40;

// One promise for all that is done before the part is there, so that it is done in its order.
let loading = null;
const loadSelecting = () => {
  loading ??= part("selection")().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
};

export function Files({ onFiles }) {
  const library = useLibrary();
  const listing = useLibraryState((state) => state.listing);
  const view = useLibraryState((state) => state.view);
  const revision = useLibraryState((state) => state.revision);
  const marked = useLibraryState((state) => state.marked);
  const selection = useLibraryState((state) => state.selection);
  if (!listing) return null;
  const select = (act) => {
    if (!library.picker) loadSelecting().then((module) => module.select(library, act), (error) => library.complain(error));
    else if (act?.toggle >= 0) library.open(listing.at(act.toggle)?.uuid);
  };
  if (listing.failure && listing.count === 0) {
    const { text, more } = explained(listing.failure);
    return html`<div class="empty" role="alert">
      <${Icon} name="warn" size=${40} />
      <h2>${t("files.failed")}</h2>
      <p>${text}</p>
      ${more && html`<p class="quiet">${more}</p>`}
      <button class="button primary" onClick=${() => listing.retry()}>${t("retry")}</button>
    </div>`;
  }
  if (listing.isLoaded && listing.count === 0) return html`<${Empty} view=${view} onFiles=${onFiles} />`;
  return html`
    ${listing.failure && html`<${Interrupted} listing=${listing} />`}
    <${Grid}
      listing=${listing}
      revision=${revision}
      layout=${view.layout}
      size=${view.size}
      asset=${view.asset}
      marked=${marked}
      assets=${library.assets}
      selection=${selection}
      onSelect=${select}
      onOpen=${(uuid) => library.open(uuid)}
      onClose=${() => library.closeAsset()}
      onScrolled=${(top) => {
        library.isAtTop = top < NEAR;
      }}
    />
  `;
}

function Interrupted({ listing }) {
  return html`<p class="notice" role="alert">
    <${Icon} name="warn" /><span>${explained(listing.failure).text}</span>
    <button class="button" onClick=${() => listing.retry()}>${t("retry")}</button>
  </p>`;
}

function Empty({ view, onFiles }) {
  const library = useLibrary();
  if (hasFilters(view)) {
    return html`<div class="empty">
      <${Icon} name="search" size=${40} />
      <h2>${t("empty.found")}</h2>
      <p>${t("empty.found.text")}</p>
      <button class="button primary" onClick=${() => library.go(withoutFilters(view))}>${t("filters.clear")}</button>
    </div>`;
  }
  const choose = (event) => onFiles([...event.target.files].map((file) => ({ file, folder: "" })));
  return html`<div class="empty">
    <${Icon} name="picture" size=${40} />
    <h2>${t(view.folder ? "empty.folder" : "empty.all")}</h2>
    ${library.mayUpload
      ? html`<p>${t("empty.drop")}</p>
          <label class="button primary">
            <input class="hidden" type="file" multiple onChange=${choose} />
            <${Icon} name="upload" />${t("choose")}
          </label>`
      : html`<p>${t("empty.readonly")}</p>`}
  </div>`;
}
