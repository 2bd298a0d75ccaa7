// Copying addresses and pieces of pages, and saving the file.
import { useMemo, useState } from "preact/hooks";
import { kindOf } from "../assets.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { useLibrary } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { Copied } from "./copied.js";
import { choices, download, FORMATS, widthsOf } from "./copy.js";

export function CopyAndSave({ entry }) {
  const library = useLibrary();
  const { presets } = library.state.about;
  const all = useMemo(() => choices(entry, presets), [entry, presets]);
  const [at, setAt] = useState(0);
  const chosen = all[Math.min(at, all.length - 1)];
  const label = ({ name, what, size }) => t(`copy.${name}`, { what, size });
  return html`<section class="block">
    <h3>${t("copy")}</h3>
    <${Copied} entry=${entry} write=${chosen.write}>
      <select aria-label=${t("copy.what")} onChange=${(event) => setAt(Number(event.target.value))}>
        ${all.map((one, index) => html`<option value=${index} selected=${index === at}>${label(one)}</option>`)}
      </select>
    <//>
    <${Save} entry=${entry} assets=${library.assets} />
  </section>`;
}

function Save({ entry, assets }) {
  const [format, setFormat] = useState("original");
  const [width, setWidth] = useState("");
  const formats = kindOf(entry) === "picture" || kindOf(entry) === "gif" ? ["original", ...FORMATS] : ["original", "png"];
  return html`
    <h3>${t("download")}</h3>
    <div class="with-button">
      <select aria-label=${t("download.format")} onChange=${(event) => setFormat(event.target.value)}>
        ${formats.map((one) => html`<option value=${one} selected=${one === format}>${t(`format.${one}`)}</option>`)}
      </select>
      <select
        aria-label=${t("download.width")}
        disabled=${format === "original"}
        onChange=${(event) => setWidth(event.target.value)}
      >
        <option value="">${t("width.own")}</option>
        ${widthsOf(entry).map((one) => html`<option value=${one} selected=${String(one) === width}>${t("width", { what: one })}</option>`)}
      </select>
      <a class="button wide" download href=${download(assets, entry, { format, width })}>
        <${Icon} name="download" />${t("download")}
      </a>
    </div>
  `;
}
