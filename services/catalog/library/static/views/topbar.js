// The bar above everything: search, and how entries are shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { LAYOUTS, SIZES, SORTS } from "../address.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { useLibrary, useLibraryState } from "./context.js";
import { Icon } from "./icons.js";

const PAUSE = 180;

export function TopBar({ onFiles }) {
  const library = useLibrary();
  const view = useLibraryState((state) => state.view);
  const isOpen = useLibraryState((state) => state.drawer);
  useLibraryState((state) => state.about);
  const chooser = useRef();
  const choose = (event) => {
    if (event.target.files.length) onFiles([...event.target.files].map((file) => ({ file, folder: "" })));
    event.target.value = "";
  };
  return html`<header class="bar">
    <button
      class="button plain only-narrow"
      aria-label=${t("menu")}
      aria-expanded=${isOpen}
      onClick=${() => library.setDrawer(!isOpen)}
    ><${Icon} name="menu" /></button>
    <span class="brand" aria-hidden="true">TADA</span>
    <${Search} />
    ${!view.place && html`<${Arrangement} view=${view} />`}
    ${library.mayUpload &&
    html`<input type="file" multiple hidden ref=${chooser} onChange=${choose} />
      <button class="button primary upload" aria-label=${t("upload")} onClick=${() => chooser.current.click()}>
        <${Icon} name="upload" /><span>${t("upload")}</span>
      </button>`}
  </header>`;
}

// The order of the files, and how they are laid out.
function Arrangement({ view }) {
  const library = useLibrary();
  return html`
    <label class="sort">
      <span class="hidden">${t("sort")}</span>
      <select value=${view.sort} onChange=${(event) => library.go({ sort: event.target.value })}>
        ${SORTS.map((sort) => html`<option value=${sort} selected=${sort === view.sort}>${t(`sort.${sort}`)}</option>`)}
      </select>
    </label>
    <div class="group" role="group" aria-label=${t("layout")}>
      ${LAYOUTS.map(
        (layout) => html`<button
          class="button plain"
          aria-label=${t(`layout.${layout}`)}
          title=${t(`layout.${layout}`)}
          aria-pressed=${view.layout === layout}
          onClick=${() => library.go({ layout }, { replace: true })}
        ><${Icon} name=${layout} /></button>`,
      )}
    </div>
    ${view.layout === "grid" &&
    html`<div class="group sizes" role="group" aria-label=${t("size")}>
      ${SIZES.map(
        (size) => html`<button
          class="button plain"
          aria-label=${t(`size.${size}`)}
          title=${t(`size.${size}`)}
          aria-pressed=${view.size === size}
          onClick=${() => library.go({ size }, { replace: true })}
        ><span class=${`size-${size}`} /></button>`,
      )}
    </div>`}
  `;
}

function Search() {
  const library = useLibrary();
  const q = useLibraryState((state) => state.view.q);
  const [text, setText] = useState(q);
  const said = useRef(q);
  const field = useRef();
  const waiting = useRef();
  useEffect(() => {
    // The address has changed in another way than by what is typed here.
    if (q !== said.current) setText(q);
    said.current = q;
  }, [q]);
  useEffect(() => {
    const focus = (event) => {
      const isTyping = event.target.closest?.("input, textarea, select, dialog");
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  const type = (event) => {
    const typed = event.target.value;
    setText(typed);
    clearTimeout(waiting.current);
    waiting.current = setTimeout(() => {
      // The first letters are a step of their own, so that "back" leads to before the search.
      const isFirst = library.view.q === "";
      said.current = typed.trim();
      library.go({ q: typed.trim() }, { replace: !isFirst });
    }, PAUSE);
  };
  return html`<label class="search">
    <span class="hidden">${t("search")}</span>
    <${Icon} name="search" />
    <input
      type="search"
      ref=${field}
      value=${text}
      placeholder=${t("search")}
      maxlength="250"
      onInput=${type}
      aria-keyshortcuts="/"
    />
  </label>`;
}
