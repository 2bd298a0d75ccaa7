// What is shown: where, how many, and with which filters.
import { hasFilters, START, trail, withoutFilters } from "../address.js";
import { typeName } from "../assets.js";
import { html } from "../html.js";
import { straight, t } from "../texts.js";
import { useLibrary, useLibraryState } from "./context.js";
import { Icon } from "./icons.js";

export function Heading() {
  const library = useLibrary();
  const view = useLibraryState((state) => state.view);
  const listing = useLibraryState((state) => state.listing);
  useLibraryState((state) => state.revision);
  const hasNews = useLibraryState((state) => state.hasNews);
  const steps = trail(view.folder);
  return html`<div class="heading">
    <nav aria-label=${t("where")}>
      <h1>
        <button class="crumb" aria-current=${steps.length ? undefined : "page"} onClick=${() => library.go({ folder: "" })}>
          ${t("all")}
        </button>
        ${steps.map(
          ({ name, path }, at) => html`<span aria-hidden="true">/</span
            ><button
              class="crumb"
              aria-current=${at === steps.length - 1 ? "page" : undefined}
              onClick=${() => library.go({ folder: path })}
            >${name}</button>`,
        )}
      </h1>
    </nav>
    <p class="count" role="status">
      ${listing?.isLoaded && t(listing.exact ? "count" : "count.least", { count: listing.count })}
    </p>
    ${hasNews && html`<button class="chip" onClick=${() => library.refresh()}>${t("news")}</button>`}
    ${view.folder &&
    html`<label class="check">
      <input type="checkbox" checked=${view.deep} onChange=${(event) => library.go({ deep: event.target.checked })} />
      ${t("deep")}
    </label>`}
    ${hasFilters(view) &&
    html`<ul class="chips" aria-label=${t("filters")}>
      ${chips(view).map(
        ({ label, changes }) => html`<li>
          <button class="chip" onClick=${() => library.go(changes)} aria-label=${t("filter.remove", { name: label })}>
            ${straight(label)}<${Icon} name="close" size=${14} />
          </button>
        </li>`,
      )}
      <li><button class="chip plain" onClick=${() => library.go(withoutFilters(view))}>${t("filters.clear")}</button></li>
    </ul>`}
  </div>`;
}

// Return each filter of a view, with what the view is without it.
function chips(view) {
  const found = [];
  if (view.q) found.push({ label: `“${view.q}”`, changes: { q: "" } });
  for (const tag of view.tags) found.push({ label: `#${tag}`, changes: { tags: view.tags.filter((one) => one !== tag) } });
  for (const type of view.types) {
    found.push({ label: typeName(type), changes: { types: view.types.filter((one) => one !== type) } });
  }
  for (const name of ["orientation", "color", "missing", "expired"]) {
    if (view[name]) found.push({ label: t(`${name}.${view[name]}`), changes: { [name]: START[name] } });
  }
  return found;
}
