// One entry in the grid (Tile) or in the list (Row).
import { Component } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { kindOf, lacksAlt, stateOf, thumbnail, typeName } from "../assets.js";
import { decode } from "../blurhash.js";
import { fit } from "../geometry.js";
import { html } from "../html.js";
import { bytes, date, language, straight, t } from "../texts.js";
import { Icon } from "./icons.js";

const BLUR = { width: 20, height: 15 };
const SLOW = 200;
const STILL = 200;
// If many pictures are made for the first time, the service asks to come back: then after so many milliseconds.
const AGAIN_AFTER = [1500, 4000, 10000];

// What was rendered stays as long as the same is to be shown: while one scrolls, that is most of it.
class Still extends Component {
  shouldComponentUpdate(next) {
    return this.spoken !== language || Object.keys(next).some((name) => !Object.is(next[name], this.props[name]));
  }

  componentDidMount() {
    this.spoken = language;
  }

  componentDidUpdate() {
    this.spoken = language;
  }
}

export class Tile extends Still {
  render({ index, entry, column, isSelected, isMarked, mat, ...picture }) {
    const common = { ...cell({ index, isSelected, isMarked, ...picture }), "aria-colindex": column };
    if (!entry) {
      return html`<div ...${common} aria-busy="true">
        <div class="mat" style=${{ height: `${mat}px` }} />
        <div class="caption"><i /><i /></div>
      </div>`;
    }
    return html`<div ...${common} title=${entry.unique_name}>
      ${isMarked === undefined && html`<${Pick} entry=${entry} isSelected=${isSelected} />`}
      <div class="mat" style=${{ height: `${mat}px` }}>
        <${Picture} entry=${entry} ...${picture} />
        <${Badges} entry=${entry} />
      </div>
      <div class="caption">
        <b>${straight(entry.title || entry.filename)}</b>
        <small>${[dimensions(entry), bytes(entry.size)].filter(Boolean).join(" · ")}</small>
      </div>
    </div>`;
  }
}

export class Row extends Still {
  render({ index, entry, isSelected, isMarked, column: _, mat: __, ...picture }) {
    const common = cell({ index, isSelected, isMarked, ...picture });
    if (!entry) return html`<div ...${common} aria-busy="true"><i /></div>`;
    return html`
      <div ...${common} aria-colindex="1">
        ${isMarked === undefined && html`<${Pick} entry=${entry} isSelected=${isSelected} />`}
        <div class="mat"><${Picture} entry=${entry} ...${picture} /></div>
        <div class="caption">
          <b title=${entry.unique_name}>${straight(entry.title || entry.filename)}</b>
          <small>${entry.title && entry.filename}</small>
        </div>
        <${Badges} entry=${entry} />
      </div>
      <span role="gridcell" aria-colindex="2" class="c-folder">${entry.unique_name.replace(/\/[^/]*$/, "")}</span>
      <span role="gridcell" aria-colindex="3" class="c-type">${typeName(entry.original_mimetype)}</span>
      <span role="gridcell" aria-colindex="4" class="c-dimensions">${dimensions(entry)}</span>
      <span role="gridcell" aria-colindex="5" class="c-bytes">${bytes(entry.size)}</span>
      <span role="gridcell" aria-colindex="6" class="c-uploaded">${date(entry.uploaded_date)}</span>
    `;
  }
}

// What is picked for another page is marked; elsewhere, files are selected.
function cell({ index, isActive, isOpen, isSelected, isMarked = false }) {
  const is = { active: isActive, open: isOpen, selected: isSelected, marked: isMarked };
  const name = ["tile", ...Object.keys(is).filter((one) => is[one])].join(" ");
  return { class: name, role: "gridcell", id: `file-${index}`, "aria-selected": isSelected || isMarked, "aria-current": isOpen };
}

// With the keyboard, the space bar selects: so it is no stop on the way.
function Pick({ entry, isSelected }) {
  const label = t("select", { name: entry.filename });
  return html`<button class="pick" role="checkbox" tabindex="-1" aria-checked=${isSelected} aria-label=${label}>
    ${isSelected && html`<${Icon} name="check" size=${16} />`}
  </button>`;
}

export function dimensions(entry) {
  return entry.width ? `${entry.width} × ${entry.height}` : "";
}

// The blurred preview at once, in the place of the picture that is on its way.
export function Picture({ entry, box, size, isFast, scroll, assets }) {
  const [tries, setTries] = useState(0);
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    if (!isWaiting) return undefined;
    if (tries === AGAIN_AFTER.length) return undefined;
    const timer = setTimeout(() => {
      setTries(tries + 1);
      setWaiting(false);
    }, AGAIN_AFTER[tries]);
    return () => clearTimeout(timer);
  }, [isWaiting]);
  const [hold] = useState(holder);
  const since = useRef(performance.now()).current;
  // What comes at once, or while the reader scrolls, is shown at once: each picture that fades in is a layer of its own, and
  // many make scrolling slow.
  const show = ({ target, timeStamp: now }) =>
    target.classList.add("there", now - since < SLOW || now - scroll?.at < STILL ? "soon" : "late");
  const hasFailed = isWaiting && tries === AGAIN_AFTER.length;
  const kind = kindOf(entry);
  const inside = fit(entry.width, entry.height, box, kind === "svg");
  const style = { width: `${inside.width}px`, height: `${inside.height}px` };
  const isLive = stateOf(entry) === "live";
  if (!isLive || hasFailed) {
    return html`<div class=${`picture lost ${kind}`} style=${style}>
      <${Blur} entry=${entry} />
      ${(hasFailed || !entry.blurhash) && html`<${Icon} name=${kind === "pdf" ? "file" : "picture"} size=${28} />`}
    </div>`;
  }
  const { src, srcset } = thumbnail(assets, entry, size);
  return html`<div class=${`picture ${kind}`} style=${style}>
    ${!isFast &&
    !isWaiting &&
    html`<img
      key=${`${src} ${tries}`}
      ref=${hold}
      src=${src}
      srcset=${srcset}
      width=${inside.width}
      height=${inside.height}
      alt=${entry.alt ?? ""}
      decoding="async"
      draggable=${false}
      onLoad=${show}
      onError=${() => setWaiting(true)}
    />`}
    <${Blur} entry=${entry} />
  </div>`;
}

// Return a ref that ends the request of a picture when nobody looks at it any more.
function holder() {
  let image = null;
  return (now) => {
    if (!now && !image.complete) for (const name of ["srcset", "src"]) image.removeAttribute(name);
    image = now;
  };
}

function Blur({ entry }) {
  const canvas = useRef();
  const hash = entry.blurhash;
  useLayoutEffect(() => {
    const pixels = hash && decode(hash, BLUR.width, BLUR.height);
    if (pixels) canvas.current.getContext("2d").putImageData(new ImageData(pixels, BLUR.width, BLUR.height), 0, 0);
  }, [hash]);
  const color = /^#[0-9a-f]{6}$/.test(entry.dominant_color ?? "") ? entry.dominant_color : "";
  return html`<canvas
    class="blur"
    ref=${canvas}
    width=${BLUR.width}
    height=${BLUR.height}
    aria-hidden="true"
    style=${{ backgroundColor: color }}
  />`;
}

function Badges({ entry }) {
  const state = stateOf(entry);
  const kind = kindOf(entry);
  return html`<span class="badges">
    ${state !== "live" && html`<span class=${`badge ${state === "hidden" ? "hidden-yet" : state}`}>${t(`state.${state}`)}</span>`}
    ${kind !== "picture" && html`<span class="badge kind">${kind.toUpperCase()}</span>`}
    ${lacksAlt(entry) && html`<span class="badge no-alt">${t("state.noalt")}</span>`}
  </span>`;
}
