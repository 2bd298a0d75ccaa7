// How much room each namespace has taken, and how much it may take.
import { useEffect, useState } from "preact/hooks";
import { read } from "../../api.js";
import { html } from "../../html.js";
import { bytes, explained, t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { ordered, shares } from "./shares.js";

export function Place() {
  const [found, setFound] = useState({});
  const look = () => read("usage").then(setFound, (failure) => setFound((before) => ({ ...before, failure })));
  useEffect(() => {
    look();
  }, []);
  const all = found.data && ordered(found.data);
  const largest = Math.max(...(all ?? []).map((one) => one.bytes + one.retired_bytes));
  return html`<div class="room">
    <header><h1>${t("place.room")}</h1><button class="button" onClick=${look}><${Icon} name="retry" />${t("room.again")}</button></header>
    <p class="quiet">${t("room.text")}</p>
    ${found.failure && html`<${Failed} failure=${found.failure} />`}
    ${!all && !found.failure && html`<p class="quiet" role="status">${t("loading")}</p>`}
    ${found.complete === false && html`<p class="notice"><${Icon} name="clock" /><span>${t("room.counting")}</span></p>`}
    ${all &&
    html`
      <p class="legend" aria-hidden="true"><span class="now"></span>${t("room.now")}<span class="retired"></span>${t("room.retired")}</p>
      <ul>${all.map((one) => html`<${Namespace} key=${one.namespace} one=${one} largest=${largest} />`)}</ul>
    `}
  </div>`;
}

function Failed({ failure }) {
  const { text, more } = explained(failure);
  return html`<p class="notice" role="alert"><${Icon} name="warn" /><span>${text} ${more}</span></p>`;
}

function Namespace({ one, largest }) {
  const library = useLibrary();
  const { now, retired, percent, isFull, isNearlyFull } = shares(one, largest);
  const { namespace, assets, quota_assets: most } = one;
  const warning = isFull ? t("room.full") : isNearlyFull ? t("room.nearly") : "";
  return html`<li class="namespace">
    <header>
      <h2>${namespace}</h2>
      <b>${bytes(one.bytes + one.retired_bytes)}</b>
      <span class="quiet">
        ${one.quota_bytes === null ? most === null && t("room.free") : t("room.of", { bytes: bytes(one.quota_bytes), percent })}
      </span>
    </header>
    <div class="bar-of-room" aria-hidden="true">
      <span class="now" style=${{ width: `${now}%` }}></span><span class="retired" style=${{ width: `${retired}%` }}></span>
    </div>
    <p>
      ${most === null ? t("room.assets", { count: assets }) : t("room.assets.of", { count: assets, most })} · ${bytes(one.bytes)}.
      ${one.retired_files > 0 && ` ${t("room.retired.files", { count: one.retired_files, bytes: bytes(one.retired_bytes) })}`}
    </p>
    ${warning && html`<p class="warning"><${Icon} name="warn" size=${18} />${warning}</p>`}
    ${assets > 0 &&
    html`<button class="button" onClick=${() => library.go({ folder: `/${namespace}`, sort: "-size", deep: true })}>
      ${t("room.largest", { namespace })}
    </button>`}
  </li>`;
}
