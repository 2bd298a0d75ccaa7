// A part of a picture with a chosen ratio, as an address that gives it. The stored file is not changed.
import { useCallback, useEffect, useState } from "preact/hooks";
import { kindOf } from "../../assets.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { Copied } from "../copied.js";
import { cropAddress, cropPicture, hundredth, largest, ratioOf, RATIOS, sizesOf } from "./crop.js";
import { fit } from "./cut.js";

const TALL = 300;
const SETTLED = 350;
const WHAT = ["address", "picture"];

// The state of a crop: its ratio, and the point around which it is cut. Without a point of its own it follows the focal
// point of the asset.
export function useCrop(entry, focalPoint) {
  const [ratio, choose] = useState("16:9");
  const [own, place] = useState(null);
  const sides = largest(entry, ratioOf(ratio));
  const plan = { ...sides, fit: "cover", focus: own ?? focalPoint };
  const box = fit(entry.width, entry.height, plan, { enlarge: kindOf(entry) === "svg" });
  return {
    ratio,
    choose,
    own,
    box,
    isFollowing: own === null,
    follow: () => place(null),
    place: (point) => point && place({ x: hundredth(point.x), y: hundredth(point.y) }),
    // Where the box is that was taken at a point (`from`) and is drawn to another one: it stays in the picture.
    drag: (at, { from, point }, { width, height }) => ({
      x: inside(point.x + at.x - from.x, width / 2),
      y: inside(point.y + at.y - from.y, height / 2),
    }),
  };
}

const inside = (share, margin) => Math.min(1 - margin, Math.max(margin, share));

export function Crop({ entry, crop, src, isSaved }) {
  const library = useLibrary();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(-1);
  const [what, setWhat] = useState("address");
  const isSize = /[x×]/i.test(crop.ratio);
  const sizes = sizesOf(entry, ratioOf(crop.ratio), isSize);
  const wanted = isSize ? sizes.findIndex(({ width }) => width === ratioOf(crop.ratio).width) : -1;
  const chosen = sizes[at] ?? sizes[wanted] ?? sizes.at(-1);
  const base = entry.base_url;
  const isDrawing = kindOf(entry) === "svg";
  const write = useCallback(
    (address) =>
      what === "address"
        ? address(cropAddress(base, entry, chosen, crop.own))
        : cropPicture(base, entry, sizes, crop.own, isDrawing, address),
    [entry, what, crop.ratio, chosen.width, chosen.height, crop.own],
  );
  const choose = (ratio) => {
    crop.choose(ratio);
    setAt(-1);
  };
  const type = (event) => {
    setTyped(event.target.value);
    if (ratioOf(event.target.value)) choose(event.target.value);
  };
  return html`
    <section>
      <p class="quiet">${t("focus.crop.text")}</p>
      <div class="pills" role="group" aria-label=${t("focus.ratio")}>
        ${RATIOS.map(
          (ratio) => html`<button class="pill" aria-pressed=${ratio === crop.ratio} onClick=${() => choose(ratio)}>${ratio}</button>`,
        )}
      </div>
      <label class="own">
        ${t("focus.ratio.own")}
        <input
          type="text"
          value=${typed}
          placeholder="1200x630"
          autocomplete="off"
          aria-invalid=${typed !== "" && !ratioOf(typed)}
          onInput=${type}
        />
      </label>
    </section>
    <section>
      <h3>${t("focus.crop.where")}</h3>
      <div class="pills" role="group" aria-label=${t("focus.crop.where")}>
        <button class="pill" aria-pressed=${crop.isFollowing} onClick=${crop.follow}>${t("focus.crop.follow")}</button>
        <button
          class="pill"
          aria-pressed=${!crop.isFollowing}
          onClick=${() => crop.isFollowing && crop.place(middleOf(crop.box))}
        >${t("focus.crop.stay")}</button>
      </div>
      ${crop.isFollowing && !isSaved && html`<p class="notice"><${Icon} name="warn" /><span>${t("focus.crop.unsaved")}</span></p>`}
    </section>
    <section>
      <h3>${t("focus.crop.gives")}</h3>
      <${Given} entry=${entry} crop=${crop} src=${src} isSaved=${isSaved} size=${chosen} assets=${library.assets} />
      <${Copied} entry=${entry} write=${write}>
        <select aria-label=${t("focus.crop.size")} onChange=${(event) => setAt(Number(event.target.value))}>
          ${sizes.map(
            (size, index) => html`<option value=${index} selected=${size === chosen}>${t("focus.sides", size)}</option>`,
          )}
        </select>
        <select aria-label=${t("copy.what")} onChange=${(event) => setWhat(event.target.value)}>
          ${WHAT.map((one) => html`<option value=${one} selected=${one === what}>${t(`focus.copy.${one}`)}</option>`)}
        </select>
      <//>
      <a class="button wide" download href=${cropAddress(library.assets, entry, chosen, crop.own, { download: 1 })}>
        <${Icon} name="download" />${t("download")}
      </a>
    </section>
  `;
}

const middleOf = ({ width, height, cropWidth, cropHeight, left, top }) => ({
  x: (left + cropWidth / 2) / width,
  y: (top + cropHeight / 2) / height,
});

// What the address gives: at once as it is computed here, then as the service delivers it.
function Given({ entry, crop, src, isSaved, size, assets }) {
  const [asked, setAsked] = useState("");
  const [state, setState] = useState("");
  const version = new URL(entry.versioned_url).searchParams.get("v") ?? "";
  const address = cropAddress(assets, entry, size, crop.own, { v: version });
  const isTrue = isSaved || !crop.isFollowing;
  useEffect(() => {
    setState("");
    if (!isTrue) return undefined;
    const timer = setTimeout(() => setAsked(address), SETTLED);
    return () => clearTimeout(timer);
  }, [address, isTrue]);
  const { box } = crop;
  const ratio = box.cropWidth / box.cropHeight;
  const share = (part, all) => `${(part / all) * 100}%`;
  const place = {
    width: share(box.width, box.cropWidth),
    height: share(box.height, box.cropHeight),
    left: share(-box.left, box.cropWidth),
    top: share(-box.top, box.cropHeight),
  };
  return html`
    <div class="given" style=${{ aspectRatio: ratio, maxWidth: `${TALL * ratio}px` }}>
      <img src=${src} alt="" draggable=${false} style=${place} />
      ${isTrue &&
      asked === address &&
      state !== "refused" &&
      html`<img class=${`delivered ${state}`} key=${asked} src=${asked} alt="" onLoad=${() => setState("there")} onError=${() => setState("refused")} />`}
    </div>
    ${state === "refused" && html`<p class="notice" role="alert"><${Icon} name="warn" /><span>${t("focus.crop.refused")}</span></p>`}
  `;
}
