// The whole page.
import { useRef } from "preact/hooks";
import { html } from "../html.js";
import { explained, t } from "../texts.js";
import { useLater, useLibrary, useLibraryState } from "./context.js";
import { Dialog } from "./dialog.js";
import { Files } from "./files.js";
import { Heading } from "./heading.js";
import { Icon } from "./icons.js";
import { Place } from "./place.js";
import { Selecting } from "./selecting.js";
import { Sidebar } from "./sidebar.js";
import { SignIn } from "./signin.js";
import { TopBar } from "./topbar.js";
import { useUploading } from "./uploading.js";

export function App() {
  const library = useLibrary();
  const phase = useLibraryState((state) => state.phase);
  const about = useLibraryState((state) => state.about);
  const failure = useLibraryState((state) => state.failure);
  useLibraryState((state) => state.language);
  if (about) {
    return html`
      <${Work} />
      ${phase === "again" && html`<${SignIn} isAgain />`}
      <${Dialog} />
    `;
  }
  if (library.picker?.isRefused) return html`<${library.picker.Refused} />`;
  if (phase === "signin") return html`<${SignIn} />`;
  if (phase === "failed") {
    const { text, more } = explained(failure);
    return html`<main class="alone">
      <h1>${t("failed.title")}</h1>
      <p>${text}</p>
      ${more && html`<p class="quiet">${more}</p>`}
      <button class="button primary" onClick=${() => library.enter()}>${t("retry")}</button>
      ${failure.status === 403 && html`<button class="button" onClick=${() => library.signOut()}>${t("signout")}</button>`}
    </main>`;
  }
  return html`<main class="alone" aria-busy="true"><p class="quiet">${t("loading")}</p></main>`;
}

function Work() {
  const library = useLibrary();
  const asset = useLibraryState((state) => state.view.asset);
  const place = useLibraryState((state) => state.view.place);
  const drawer = useLibraryState((state) => state.drawer);
  const main = useRef();
  const details = useLater(() => import("../later/details.js").then((module) => module.Details), asset !== "");
  const uploading = useUploading(library);
  const skip = () => ["[role=grid]", "button"].map((one) => main.current.querySelector(one)).find(Boolean)?.focus();
  return html`
    <div class=${`page ${asset ? "with-details" : ""} ${drawer ? "with-drawer" : ""}`}>
      <button class="skip" onClick=${skip}>${t("skip")}</button>
      <${TopBar} onFiles=${uploading.add} />
      <${Sidebar} />
      ${drawer && html`<button class="shade" aria-label=${t("close")} onClick=${() => library.setDrawer(false)} />`}
      <main class="main" ref=${main}>
        ${place
          ? html`<${Place} key=${place} name=${place} />`
          : html`<${Heading} /><${Files} onFiles=${uploading.add} />`}
        ${library.picker && html`<${library.picker.Bar} />`}
        <${Selecting} />
      </main>
      ${asset && details && html`<${details} key=${asset} uuid=${asset} />`}
      ${uploading.tray}
      ${uploading.isOver &&
      html`<div class="drop" aria-hidden="true"><div><${Icon} name="upload" size=${40} />${t("drop.here")}</div></div>`}
    </div>
  `;
}
