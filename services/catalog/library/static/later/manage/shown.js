// What the places of operators have in common: tables, states, dates, and what is said if something is wrong.
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import { addTexts, date, explained, language, t } from "../../texts.js";
import { addStyle, useModal } from "../../views/context.js";
import { Icon } from "../../views/icons.js";

// They are there before any of these places is drawn.
await Promise.all([addStyle("later/manage/style.css"), addTexts("later/manage")]);

const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const ICONS = { good: "check", warn: "warn", bad: "warn", calm: "clock", busy: "retry" };

// The head of a place: its title, what it is for, and what can be done first.
export function Head({ name, children }) {
  return html`<header class="head">
    <div><h1>${t(`place.${name}`)}</h1><p class="quiet">${t(`${name}.about`)}</p></div>
    <div class="acts">${children}</div>
  </header>`;
}

// Whatever is polled: what is wrong with it, that it is not there yet, or what it is.
export function Found({ found, children }) {
  const { data, failure, isLoaded, again } = found;
  return html`
    ${failure && html`<${Trouble} failure=${failure} isOld=${data !== null} onRetry=${again} />`}
    ${!isLoaded && html`<p class="quiet" role="status">${t("loading")}</p>`}
    ${data !== null && children(data)}
  `;
}

export function Trouble({ failure, isOld = false, onRetry = null }) {
  const { text, more } = explained(failure);
  return html`<div class="notice" role="alert">
    <${Icon} name="warn" />
    <span>${text} ${more && html`<small>${more}</small>`} ${isOld && t("manage.old")}</span>
    ${onRetry && html`<button class="button" onClick=${onRetry}>${t("retry")}</button>`}
  </div>`;
}

// A table. On a phone each row is a card, and the roles still say what it is. A column is {name, cell(row), is: "number" | "word" | "acts"}; what `below(row)`
// returns stands under the row.
export function Table({ label, columns, rows, keyOf, below = () => null, empty }) {
  if (rows.length === 0) return html`<p class="none">${empty}</p>`;
  return html`<table class="manage" role="table" aria-label=${label}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          ({ name, is = "" }) =>
            html`<th role="columnheader" scope="col" class=${is}><span class=${is === "acts" ? "hidden" : ""}>${t(`manage.${name}`)}</span></th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map((row) => {
        const more = below(row);
        return html`<tr role="row" key=${keyOf(row)} class=${more ? "is-open" : ""}>
            ${columns.map(({ name, cell, is = "" }) => html`<td role="cell" class=${is} data-label=${t(`manage.${name}`)}>${cell(row)}</td>`)}
          </tr>
          ${more && html`<tr role="row" class="below" key=${`${keyOf(row)} below`}><td role="cell" colspan=${columns.length}>${more}</td></tr>`}`;
      })}
    </tbody>
  </table>`;
}

// A state in words and with a sign: colour alone says nothing. `kind` is good, warn, bad, calm or busy.
export function State({ kind, children }) {
  return html`<span class=${`state is-${kind}`}><${Icon} name=${ICONS[kind]} size=${16} />${children}</span>`;
}

// A button that shows and hides what is below its row.
export function Fold({ isOpen, label, onToggle }) {
  return html`<button class="button plain" aria-expanded=${isOpen} aria-label=${label} title=${label} onClick=${onToggle}>
    <${Icon} name=${isOpen ? "down" : "right"} />
  </button>`;
}

// How long ago, or in how long; the moment itself is its title.
export function When({ at, none = "–" }) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((count) => count + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  if (!at) return none;
  return html`<time datetime=${at} title=${exactly(at)}>${ago(at)}</time>`;
}

export function ago(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? STEPS.at(-1);
  // A clock that is a little ahead is no future.
  const count = Math.abs(seconds) < 2 ? 0 : Math.trunc(seconds / size);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(count, unit);
}

export const exactly = (at) => date(at, true);

// How long something takes, such as 1 min 5 s.
export function lasting(seconds) {
  const write = (value, unit, digits = 0) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
  if (seconds < 10) return write(seconds, "second", 1);
  if (seconds < 60) return write(seconds, "second");
  const [whole, rest, units] = seconds < 3600 ? [60, 1, ["minute", "second"]] : [3600, 60, ["hour", "minute"]];
  const large = Math.floor(seconds / whole);
  const small = Math.floor((seconds % whole) / rest);
  return write(large, units[0]) + (small ? ` ${write(small, units[1])}` : "");
}

// A text or a number as it is; t() writes numbers as in the language of the page.
export const number = (count) => t("number", { count });

// The answer of the service, as it is, for those who want to see all of it.
export function Raw({ value, label = t("manage.raw") }) {
  const [isOpen, setOpen] = useState(false);
  return html`<details class="raw" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${label}</summary>
    ${isOpen && html`<pre tabindex="0" lang="en">${JSON.stringify(value, null, 2)}</pre>`}
  </details>`;
}

// A dialog in front of the page. Escape closes it, unless something is under way that must be seen.
export function Box({ title, isBusy = false, isWide = false, onClose, children }) {
  const dialog = useModal();
  const cancel = (event) => {
    event.preventDefault();
    if (!isBusy) onClose();
  };
  return html`<dialog
    class=${`dialog manage-box ${isWide ? "is-wide" : ""}`}
    ref=${dialog}
    aria-labelledby="box-title"
    onCancel=${cancel}
  >
    <header>
      <h2 id="box-title">${title}</h2>
      <button class="button plain" aria-label=${t("close")} disabled=${isBusy} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    ${children}
  </dialog>`;
}
