// What happens, as lists: by days, or page by page.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import { explained, straight, t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { Picture } from "../../views/tile.js";
import * as dates from "./dates.js";
import { askAndMove } from "./moving.js";
import { asked, find, KINDS, kindsOf } from "./schedule.js";

const PAGE = 50;
const BOX = { width: 44, height: 44 };

// What happens on each of some days.
export function Days({ days, onShow }) {
  const all = Object.keys(days).sort();
  if (all.length === 0) return html`<p class="quiet">${t("calendar.nothing")}</p>`;
  return all.map((day) => {
    const kinds = kindsOf(days[day]);
    const more = kinds.reduce((sum, [, { entries, count }]) => sum + count - entries.length, 0);
    return html`<section key=${day} class="day">
      <h3>${dates.day(day)}</h3>
      <ul>
        ${kinds.flatMap(([kind, { entries }]) => entries.map((entry) => html`<${Item} key=${kind + entry.uuid} entry=${entry} kind=${kind} />`))}
      </ul>
      ${more > 0 && html`<button class="button plain more" onClick=${() => onShow(day)}>${t("calendar.more", { count: more })}</button>`}
    </section>`;
  });
}

// What happens within some bounds, page by page. With `isPast` it is all that has expired, the last one first.
export function Paged({ kind, title = "", bounds = {}, isPast = false, folder, revision }) {
  const [found, set] = useState({ entries: [], total: 0, isExact: true, cursor: null, isLoaded: false, failure: null });
  const seen = useRef(PAGE);
  const turn = useRef(0);
  const load = async (limit, cursor) => {
    // Only the last question counts: an older answer may come after it.
    const mine = ++turn.current;
    const query = asked(kind, isPast ? { before: new Date().toISOString() } : bounds, folder, isPast);
    try {
      const answer = await find(query, limit, { cursor });
      if (mine !== turn.current) return;
      set((before) => ({
        entries: cursor ? [...before.entries, ...answer.data] : answer.data,
        ...{ total: answer.total, isExact: answer.total_exact, cursor: answer.cursor, isLoaded: true, failure: null },
      }));
    } catch (failure) {
      if (mine === turn.current) set((before) => ({ ...before, failure, isLoaded: true }));
    }
  };
  // After a change, as much is looked at again as was seen, as far as one page goes.
  useEffect(() => {
    load(Math.min(500, seen.current));
  }, [revision, folder]);
  const more = () => {
    seen.current += PAGE;
    load(PAGE, found.cursor);
  };
  if (!found.isLoaded) return html`<p class="quiet">${t("loading")}</p>`;
  if (!isPast && found.total === 0 && !found.failure) return html`<p class="quiet">${t(`calendar.none.${kind}`)}</p>`;
  return html`
    ${title && html`<h3>${title} <data>${t(found.isExact ? "number" : "calendar.least", { count: found.total })}</data></h3>`}
    ${found.failure && html`<p class="notice" role="alert"><span>${explained(found.failure).text}</span><button class="button" onClick=${() => load(PAGE)}>${t("retry")}</button></p>`}
    ${found.entries.length === 0 && !found.failure && html`<p class="quiet">${t("calendar.nothing")}</p>`}
    <ul>${found.entries.map((entry) => html`<${Item} key=${entry.uuid} entry=${entry} kind=${kind} hasDay=${isPast} />`)}</ul>
    ${found.cursor && html`<button class="button" onClick=${more}>${t("more")}</button>`}
  `;
}

function Item({ entry, kind, hasDay = false }) {
  const library = useLibrary();
  const asset = useLibraryState((state) => state.view.asset);
  const moment = entry[KINDS[kind].field];
  const when = hasDay ? dates.dayAndTime(moment) : dates.time(moment);
  return html`<li class=${`entry ${kind} ${asset === entry.uuid ? "open" : ""}`}>
    <button class="what" onClick=${() => library.open(entry.uuid)} aria-current=${asset === entry.uuid ? "true" : undefined}>
      <span class="mat"><${Picture} key=${entry.signature} entry=${entry} box=${BOX} size="row" assets=${library.assets} /></span>
      <span class="text">
        <b>${straight(entry.title || entry.filename)}</b>
        <small>${entry.unique_name}</small>
      </span>
      <span class="when"><i />${t(`calendar.${Date.parse(moment) > Date.now() ? "at" : "was"}.${kind}`, { when })}</span>
    </button>
    ${library.may("write", entry.namespace) &&
    html`<button class="button" aria-label=${t("calendar.move.of", { name: entry.filename })} onClick=${() => askAndMove(library, entry, kind)}>
      <${Icon} name="calendar" /><span>${t("calendar.move")}</span>
    </button>`}
  </li>`;
}
