// Where the focal point of a picture is, and what is cut out around it: by presets, by common ratios, by an address.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { formAddress, kindOf } from "../../assets.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useModal } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { dimensions } from "../../views/tile.js";
import { written } from "../draft.js";
import { Crop, useCrop } from "./cropping.js";
import { MIDDLE, shares } from "./cut.js";
import { Cuts } from "./cuts.js";
import { moved, percent, pointOf, typed } from "./point.js";
import { saveFocus } from "./saving.js";

const LARGE = 1600;
const ENLARGED = 3;
const FIELDS = ["focus_x", "focus_y"];
const MODES = ["focus", "crop"];

export function FocusAndCrop({ model, onClose }) {
  const library = useLibrary();
  const dialog = useModal();
  const { entry } = model;
  const [mode, setMode] = useState("focus");
  const [held, setHeld] = useState(null);
  const [outlined, setOutlined] = useState(null);
  const canWrite = library.may("write", entry.namespace);
  const point = held ?? pointOf(model.form);
  const isDirty = FIELDS.some((name) => model.form[name] !== model.base[name]);
  const src = useSource(entry, library.assets);
  const crop = useCrop(entry, point);

  const set = (next) => {
    const fields = typed(next);
    for (const [name, text] of Object.entries(fields)) if (model.form[name] !== text) model.type(name, text);
    setHeld(null);
  };
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const box = mode === "crop" ? crop.box : outlined;
  const isFollowing = mode === "crop" && crop.isFollowing;
  return html`<dialog class="viewer focus" ref=${dialog} aria-label=${t("focus.title", { name: entry.filename })} onCancel=${onCancel}>
    <header>
      <span>${entry.filename} <small>${dimensions(entry)}</small></span>
      <div class="group" role="group" aria-label=${t("focus.mode")}>
        ${MODES.map(
          (one) => html`<button class="button plain" aria-pressed=${one === mode} onClick=${() => setMode(one)}>
            ${t(`focus.mode.${one}`)}
          </button>`,
        )}
      </div>
      <button class="button plain" aria-label=${t("close")} title=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    <div class="work">
      <${Stage} entry=${entry} src=${src}>
        ${box && html`<${Outline} box=${box} crop=${mode === "crop" && crop} />`}
        ${(mode === "focus" || isFollowing) &&
        html`<${Marker} point=${point} canMove=${canWrite && mode === "focus"} onHold=${setHeld} onSet=${set} />`}
      <//>
      <div class="panel">
        <div class="scroll">
          ${mode === "focus" && canWrite && html`<${Position} point=${point} onSet=${set} />`}
          <${Clash} model=${model} />
          ${mode === "focus"
            ? html`<${Cuts}
                entry=${entry}
                point=${point}
                src=${src.address}
                isLive=${isDirty || held !== null}
                onOutline=${setOutlined}
                onCrop=${(ratio) => {
                  crop.choose(ratio);
                  setMode("crop");
                }}
              />`
            : html`<${Crop} entry=${entry} crop=${crop} src=${src.address} isSaved=${!isDirty} />`}
        </div>
        ${canWrite && (mode === "focus" || isDirty) && html`<${Bar} model=${model} isDirty=${isDirty} />`}
      </div>
    </div>
  </dialog>`;
}

// The whole picture, as large as is needed. Where only some sizes are served, the whole picture always is.
function useSource(entry, assets) {
  const [isWhole, setWhole] = useState(false);
  const given = { _: entry.signature.slice(0, 8) };
  const address = isWhole
    ? formAddress(assets, "full", entry.unique_name, given)
    : formAddress(assets, `${LARGE}x${LARGE}`, entry.unique_name, { fit: "contain", ...given });
  return { address, onError: isWhole ? null : () => setWhole(true) };
}

// The picture in the largest frame that there is room for. What lies above it stands in shares of the picture.
function Stage({ entry, src, children }) {
  const room = useRef();
  const [size, setSize] = useState(null);
  useLayoutEffect(() => {
    const measure = () => setSize({ width: room.current.clientWidth, height: room.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(room.current);
    measure();
    return () => observer.disconnect();
  }, []);
  const { width, height } = entry;
  const most = kindOf(entry) === "svg" ? Infinity : ENLARGED;
  const scale = size ? Math.min(size.width / width, size.height / height, most) : 0;
  const style = { width: `${Math.max(1, width * scale)}px`, height: `${Math.max(1, height * scale)}px` };
  return html`<div class="stage" ref=${room}>
    <div class="frame" style=${style}>
      <img src=${src.address} alt=${entry.alt ?? ""} draggable=${false} onError=${src.onError} />
      ${children}
    </div>
  </div>`;
}

function Outline({ box, crop }) {
  const part = shares(box);
  const share = (value) => `${value * 100}%`;
  const style = { left: share(part.x), top: share(part.y), width: share(part.width), height: share(part.height) };
  if (!crop) return html`<div class="outline" style=${style} aria-hidden="true" />`;
  return html`<${Surface}
    class="outline crop"
    style=${style}
    shape="box"
    label=${t("focus.crop.box")}
    point=${{ x: part.x + part.width / 2, y: part.y + part.height / 2 }}
    grip=${(at, begun) => crop.drag(at, begun, part)}
    onHold=${crop.place}
    onSet=${crop.place}
  />`;
}

function Marker({ point, canMove, onHold, onSet }) {
  const at = point ?? MIDDLE;
  const style = { left: `${at.x * 100}%`, top: `${at.y * 100}%` };
  const name = `marker ${point ? "" : "unset"}`;
  if (!canMove) return html`<div class=${name} style=${style} aria-hidden="true" />`;
  return html`<${Surface} class=${name} style=${style} label=${t("focus.point")} point=${at} isUnset=${!point} onHold=${onHold} onSet=${onSet} />`;
}

// What is moved by a pointer anywhere on the picture, and by the arrow keys.
function Surface({ label, point, isUnset = false, grip = (at) => at, onHold, onSet, shape = "point", ...look }) {
  const handle = useRef();
  const begun = useRef(null);
  const at = (event) => {
    const frame = handle.current.parentElement.getBoundingClientRect();
    const share = (value) => Math.min(1, Math.max(0, value));
    return { x: share((event.clientX - frame.left) / frame.width), y: share((event.clientY - frame.top) / frame.height) };
  };
  const onPointerDown = (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    handle.current.focus({ preventScroll: true });
    const found = at(event);
    begun.current = { from: found, point, last: grip(found, { from: found, point }) };
    onHold(begun.current.last);
  };
  const onPointerMove = (event) => {
    if (!begun.current) return;
    begun.current.last = grip(at(event), begun.current);
    onHold(begun.current.last);
  };
  const onPointerUp = () => {
    if (begun.current) onSet(begun.current.last);
    begun.current = null;
  };
  const onPointerCancel = () => {
    begun.current = null;
    onHold(null);
  };
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = moved(event.key, point, event.shiftKey);
    if (!to) return;
    event.preventDefault();
    onSet(to);
  };
  const said = t("focus.at", { x: percent(point.x), y: percent(point.y) });
  return html`
    <div
      ...${look}
      ref=${handle}
      role="slider"
      tabindex="0"
      aria-label=${label}
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${Math.round(point.x * 100)}
      aria-valuetext=${isUnset ? t("focus.unset") : said}
      onKeyDown=${onKeyDown}
    />
    <div
      class=${`surface ${shape}`}
      onPointerDown=${onPointerDown}
      onPointerMove=${onPointerMove}
      onPointerUp=${onPointerUp}
      onPointerCancel=${onPointerCancel}
    />
  `;
}

// The point as numbers: for exact values, and for whoever can neither drag nor use arrow keys.
function Position({ point, onSet }) {
  const at = point ?? MIDDLE;
  const field = (axis) => html`<label>
    ${t(`focus.${axis}`)}
    <input
      type="number"
      min="0"
      max="100"
      step="any"
      value=${point ? percent(at[axis]) : ""}
      placeholder=${percent(at[axis])}
      onChange=${(event) => event.target.value !== "" && onSet({ ...at, [axis]: Number(event.target.value) / 100 })}
    />
  </label>`;
  return html`<section>
    <p class="quiet">${t("focus.text")}</p>
    <div class="position">${field("x")} ${field("y")}</div>
    ${point && html`<button class="button danger wide" onClick=${() => onSet(null)}>${t("focus.remove")}</button>`}
  </section>`;
}

// Somebody else has set another point meanwhile: one of the two is chosen.
function Clash({ model }) {
  const fields = model.clashes.filter((name) => FIELDS.includes(name));
  if (fields.length === 0) return null;
  const theirs = pointOf(written(model.entry));
  const said = theirs ? t("focus.at", { x: percent(theirs.x), y: percent(theirs.y) }) : t("focus.none");
  const decide = (isMine) => fields.forEach((name) => model.decide(name, isMine));
  return html`<div class="clash" role="alert">
    <p>${t("focus.clash", { theirs: said })}</p>
    <button class="button" onClick=${() => decide(true)}>${t("clash.mine")}</button>
    <button class="button" onClick=${() => decide(false)}>${t("clash.take")}</button>
  </div>`;
}

function Bar({ model, isDirty }) {
  const library = useLibrary();
  const drop = () => {
    for (const name of FIELDS) model.type(name, model.base[name]);
  };
  return html`<footer class="savebar">
    <span role="status">${state(model, isDirty)}</span>
    ${isDirty && html`<button class="button" onClick=${drop}>${t("discard")}</button>`}
    <button
      class="button primary"
      disabled=${!isDirty || model.isSaving || model.clashes.length > 0}
      onClick=${() => saveFocus(library, model)}
    >${t(model.isSaving ? "saving" : "save")}</button>
  </footer>`;
}

// Return what the reader has to know of the draft. Other fields are saved with the point.
function state({ clashes, purge }, isDirty) {
  if (clashes.some((name) => !FIELDS.includes(name))) return t("clash.text");
  if (isDirty) return t("focus.unsaved");
  return purge && t(purge.state === "done" ? "focus.purge.done" : "focus.purge.queued");
}
