// What the main area shows in place of the files, and the ways there.
import { html } from "../html.js";
import { PLACES } from "../places.js";
import { t } from "../texts.js";
import { part, useLater, useLibrary, useLibraryState } from "./context.js";
import { Icon } from "./icons.js";

export function Place({ name }) {
  const isAllowed = useLibrary().may(PLACES[name].role);
  const found = useLater(part(name), isAllowed);
  if (!isAllowed) return html`<div class="place" role="alert"><h1>${t("error.403")}</h1></div>`;
  if (!found) return html`<p class="quiet pad" role="status">${t("loading")}</p>`;
  return html`<div class="place"><${found.Place} /></div>`;
}

export function Places() {
  const library = useLibrary();
  const current = useLibraryState((state) => state.view.place);
  const names = Object.keys(PLACES).filter((name) => library.may(PLACES[name].role));
  if (names.length === 0 || library.picker) return null;
  return html`<section>
    <h2>${t("places")}</h2>
    <ul class="tree places">
      ${names.map(
        (name) => html`<li key=${name}>
          <div class=${`folder ${name === current ? "current" : ""}`}>
            <button
              class="name"
              aria-current=${name === current ? "page" : undefined}
              onClick=${() => library.go({ place: name })}
            ><${Icon} name=${PLACES[name].icon} size=${18} /><span title=${t(`place.${name}`)}>${t(`place.${name}`)}</span></button>
          </div>
        </li>`,
      )}
    </ul>
  </section>`;
}
