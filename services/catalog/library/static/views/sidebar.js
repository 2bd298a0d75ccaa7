// Folders, filters and tags.
import { useState } from "preact/hooks";
import { COLORS, MISSING, ORIENTATIONS } from "../address.js";
import { typeName } from "../assets.js";
import { html } from "../html.js";
import { LANGUAGES, straight, t } from "../texts.js";
import { useLater, useLibrary, useLibraryState } from "./context.js";
import { Icon } from "./icons.js";
import { Places } from "./place.js";

const TAGS_SHOWN = 12;
const THEMES = ["system", "light", "dark"];

export function Sidebar() {
  return html`<aside class="side" aria-label=${t("side")}>
    <${Section} title=${t("folders")}><${Folders} /><//>
    <${Places} />
    <${Types} />
    <${Choices} title=${t("orientation")} name="orientation" values=${ORIENTATIONS} />
    <${Colors} />
    <${Choices} title=${t("missing")} name="missing" values=${MISSING} />
    <${Choices} title=${t("expired")} name="expired" values=${["true", "false"]} />
    <${Tags} />
    <${Deleted} />
    <${Taste} />
  </aside>`;
}

function Section({ title, children }) {
  return html`<section><h2>${title}</h2>${children}</section>`;
}

function Folders() {
  const library = useLibrary();
  const root = useLibraryState((state) => state.folders["/"]);
  const folder = useLibraryState((state) => (state.view.place ? null : state.view.folder));
  return html`<ul class="tree">
    <li>
      <div class=${`folder ${folder === "" ? "current" : ""}`}>
        <span class="toggle" />
        <button class="name" aria-current=${folder === "" ? "true" : undefined} onClick=${() => library.go({ folder: "" })}>
          <${Icon} name="picture" size=${18} />
          <span>${t("all")}</span>
          ${root?.own && html`<data>${t("number", { count: root.own.all_entries })}</data>`}
        </button>
      </div>
    </li>
    <${Inside} path="/" level=${0} />
  </ul>`;
}

function Inside({ path, level }) {
  const library = useLibrary();
  const known = useLibraryState((state) => state.folders[path]);
  if (!known) return html`<li class="quiet pad">${t("loading")}</li>`;
  return html`
    ${known.inside.map((folder) => html`<${Folder} key=${folder.path} folder=${folder} level=${level} />`)}
    ${known.cursor &&
    html`<li>
      <button class="button plain more" onClick=${() => library.loadFolders(path, known.cursor)}>${t("more")}</button>
    </li>`}
    ${known.failure &&
    html`<li>
      <button class="button plain more" onClick=${() => library.loadFolders(path)}>${t("folders.failed")}</button>
    </li>`}
  `;
}

function Folder({ folder, level }) {
  const library = useLibrary();
  const isOpen = useLibraryState((state) => state.opened.has(folder.path));
  const isCurrent = useLibraryState((state) => !state.view.place && state.view.folder === folder.path);
  const name = folder.name;
  const toggle = () => library.toggleFolder(folder.path);
  return html`<li>
    <div class=${`folder ${isCurrent ? "current" : ""}`} style=${{ "--level": String(level) }}>
      ${folder.has_folders
        ? html`<button
            class="toggle"
            aria-expanded=${isOpen}
            aria-label=${t(isOpen ? "folder.close" : "folder.open", { name })}
            onClick=${toggle}
          ><${Icon} name=${isOpen ? "down" : "right"} size=${16} /></button>`
        : html`<span class="toggle" />`}
      <button
        class="name"
        title=${name}
        aria-current=${isCurrent ? "true" : undefined}
        onClick=${() => library.go({ folder: folder.path })}
      >
        <${Icon} name="folder" size=${18} /><span>${name}</span>
        <data>${t("number", { count: folder.all_entries })}</data>
      </button>
    </div>
    ${isOpen && html`<ul><${Inside} path=${folder.path} level=${level + 1} /></ul>`}
  </li>`;
}

// Buttons of which one or none is pressed.
function Choices({ title, name, values }) {
  const library = useLibrary();
  const chosen = useLibraryState((state) => state.view[name]);
  return html`<${Section} title=${title}>
    <div class="pills">
      ${values.map(
        (value) => html`<button
          class="pill"
          aria-pressed=${chosen === value}
          onClick=${() => library.go({ [name]: chosen === value ? "" : value })}
        >${t(`${name}.${value}`)}</button>`,
      )}
    </div>
  <//>`;
}

function Colors() {
  const library = useLibrary();
  const chosen = useLibraryState((state) => state.view.color);
  return html`<${Section} title=${t("color")}>
    <div class="swatches">
      ${COLORS.map(
        (color) => html`<button
          class="swatch"
          aria-pressed=${chosen === color}
          aria-label=${t(`color.${color}`)}
          title=${t(`color.${color}`)}
          onClick=${() => library.go({ color: chosen === color ? "" : color })}
        ><span class=${`is-${color}`} /></button>`,
      )}
    </div>
  <//>`;
}

function Types() {
  const library = useLibrary();
  const chosen = useLibraryState((state) => state.view.types);
  const facet = useLibraryState((state) => state.facets?.type);
  const about = useLibraryState((state) => state.about);
  const counts = new Map((facet ?? []).map(({ value, count }) => [value, count]));
  const types = [...new Set([...about.media_types, ...chosen, ...counts.keys()])];
  const toggle = (type) =>
    library.go({ types: chosen.includes(type) ? chosen.filter((one) => one !== type) : [...chosen, type] });
  return html`<${Section} title=${t("type")}>
    <div class="pills">
      ${types.map(
        (type) => html`<button class="pill" aria-pressed=${chosen.includes(type)} onClick=${() => toggle(type)}>
          ${typeName(type)}${counts.has(type) && html`<data>${t("number", { count: counts.get(type) })}</data>`}
        </button>`,
      )}
    </div>
  <//>`;
}

function Tags() {
  const library = useLibrary();
  const chosen = useLibraryState((state) => state.view.tags);
  const facet = useLibraryState((state) => state.facets?.tag);
  const [isWhole, setWhole] = useState(false);
  const known = facet ?? [];
  const lost = chosen.filter((tag) => !known.some(({ value }) => value === tag)).map((value) => ({ value }));
  const all = [...lost, ...known];
  if (all.length === 0) return null;
  const toggle = (tag) =>
    library.go({ tags: chosen.includes(tag) ? chosen.filter((one) => one !== tag) : [...chosen, tag] });
  return html`<${Section} title=${t("tags")}>
    <div class="pills">
      ${(isWhole ? all : all.slice(0, TAGS_SHOWN)).map(
        ({ value, count }) => html`<button class="pill" aria-pressed=${chosen.includes(value)} onClick=${() => toggle(value)}>
          <span class="cut">${straight(value)}</span>${count && html`<data>${t("number", { count })}</data>`}
        </button>`,
      )}
    </div>
    ${all.length > TAGS_SHOWN &&
    html`<button class="button plain more" onClick=${() => setWhole(!isWhole)}>${t(isWhole ? "less" : "more")}</button>`}
  <//>`;
}

function Deleted() {
  const library = useLibrary();
  const days = useLibraryState((state) => state.about.trash_days);
  const [isOpen, setOpen] = useState(false);
  const trash = useLater(() => import("../later/trash.js").then((module) => module.Trash), isOpen);
  if (!days || !library.may("write")) return null;
  return html`<button class="button plain more" onClick=${() => setOpen(true)}><${Icon} name="trash" />${t("trash")}</button>
    ${isOpen && trash && html`<${trash} onClose=${() => setOpen(false)} />`}`;
}

function Taste() {
  const library = useLibrary();
  const language = useLibraryState((state) => state.language);
  const theme = useLibraryState((state) => state.theme);
  const sender = useLibraryState((state) => state.about.sender);
  return html`<section class="taste">
    <label>
      <span>${t("language")}</span>
      <select onChange=${(event) => library.speak(event.target.value)}>
        ${Object.entries(LANGUAGES).map(
          ([name, label]) => html`<option value=${name} selected=${name === language}>${label}</option>`,
        )}
      </select>
    </label>
    <label>
      <span>${t("theme")}</span>
      <select onChange=${(event) => library.setTheme(event.target.value)}>
        ${THEMES.map((name) => html`<option value=${name} selected=${name === theme}>${t(`theme.${name}`)}</option>`)}
      </select>
    </label>
    ${sender.name !== "anybody" &&
    !library.picker?.hasToken &&
    html`<p class="who">
      <span>${t("signed", { name: sender.name, role: t(`role.${sender.role}`) })}</span>
      <button class="button plain" onClick=${() => library.signOut()}><${Icon} name="out" />${t("signout")}</button>
    </p>`}
  </section>`;
}
