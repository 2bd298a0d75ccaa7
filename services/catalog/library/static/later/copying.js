// Copying addresses and pieces of pages, and saving the file.
import { useMemo, useState } from "preact/hooks";
import { kindOf } from "../assets.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { useLibrary } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { choices, copy, download, FORMATS, widthsOf } from "./copy.js";

const DONE_SECONDS = 2;

export function CopyAndSave({ entry }) {
  const library = useLibrary();
  const { presets } = library.state.about;
  const all = useMemo(() => choices(entry, presets), [entry, presets]);
  const [at, setAt] = useState(0);
  const [isDone, setDone] = useState(false);
  const chosen = all[Math.min(at, all.length - 1)];
  const run = async () => {
    try {
      await copy(chosen.text);
      setDone(true);
      setTimeout(() => setDone(false), DONE_SECONDS * 1000);
    } catch {
      library.say(t("copy.failed"), { kind: "error" });
    }
  };
  const label = ({ name, what, size }) => t(`copy.${name}`, { what, size });
  return html`<section class="block">
    <h3>${t("copy")}</h3>
    <div class="with-button">
      <select aria-label=${t("copy.what")} onChange=${(event) => setAt(Number(event.target.value))}>
        ${all.map((one, index) => html`<option value=${index} selected=${index === at}>${label(one)}</option>`)}
      </select>
      <button class="button primary" onClick=${run}>
        <${Icon} name=${isDone ? "check" : "copy"} />${t(isDone ? "copied" : "copy")}
      </button>
      <span class="hidden" role="status">${isDone && t("copied")}</span>
    </div>
    <textarea class="code" readonly rows=${chosen.text.includes("\n") ? 5 : 2} aria-label=${t("copy.text")} value=${chosen.text} />
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
