// What becomes visible and what expires: a month, the week, the next 30 days, and what has expired already.
import { useCallback, useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import { explained, place, t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import * as dates from "./dates.js";
import { dayIn, dayOf, firstOfWeek, monthIn, monthOf, plusDays, plusMonths, weekStart, weeksOf } from "./days.js";
import { Days, Paged } from "./lists.js";
import { Month } from "./month.js";
import { count, KINDS, schedule, within } from "./schedule.js";

const SOON = 30;
const BOTH = Object.keys(KINDS);
const LISTS = ["week", "soon", "expired"];

export function Place() {
  const library = useLibrary();
  const at = useLibraryState((state) => state.view.at);
  const folder = useLibraryState((state) => state.view.folder);
  const revision = useRevision(library);
  const today = useToday();
  const first = firstOfWeek(place());
  const week = plusDays(weekStart(today, first), 7);
  const list = LISTS.includes(at) ? at : "";
  const day = dayIn(at);
  const month = monthIn(at) || monthOf(today);
  const common = { folder, revision };
  const show = useCallback((to, options) => library.go({ at: to }, options), []);
  return html`
    <div class="calendar">
      <header>
        <h1>${t("place.calendar")}</h1>
        ${folder &&
        html`<button class="chip" onClick=${() => library.go({ folder: "", place: "calendar", at })} aria-label=${t("calendar.everywhere")}>
          ${folder}<${Icon} name="close" size=${14} />
        </button>`}
        <${Tabs} list=${list} month=${month} today=${today} week=${week} onShow=${show} ...${common} />
      </header>
      ${list === "" && html`<${MonthView} key=${folder} month=${month} day=${day} today=${today} first=${first} onShow=${show} ...${common} />`}
      ${list === "week" && html`<${Range} key="week" title=${t("calendar.week")} from=${today} to=${week} onShow=${show} ...${common} />`}
      ${list === "soon" && html`<${Range} key="soon" title=${t("calendar.soon", { count: SOON })} from=${today} to=${plusDays(today, SOON)} onShow=${show} ...${common} />`}
      ${list === "expired" && html`<${Expired} ...${common} />`}
      <p class="quiet zone">${t("calendar.zone", { zone: dates.zone() })}</p>
    </div>
  `;
}

// A number that grows with each change by anybody.
function useRevision(library) {
  const [revision, set] = useState(0);
  useEffect(() => {
    const more = () => set((number) => number + 1);
    library.changes.addEventListener("any", more);
    return () => library.changes.removeEventListener("any", more);
  }, []);
  return revision;
}

// The day of today, also if the page is open at midnight.
function useToday() {
  const [today, set] = useState(dayOf(Date.now()));
  useEffect(() => {
    const timer = setInterval(() => set(dayOf(Date.now())), 60_000);
    return () => clearInterval(timer);
  }, []);
  return today;
}

// Return what was found last, and whether something else is on its way. `ask(signal)` is called again with other `keys`.
function useFound(ask, keys) {
  const [found, set] = useState({ value: null, failure: null, isBusy: true, tries: 0 });
  useEffect(() => {
    const stop = new AbortController();
    set((before) => ({ ...before, isBusy: true }));
    ask(stop.signal).then(
      (value) => !stop.signal.aborted && set((before) => ({ ...before, value, failure: null, isBusy: false })),
      (failure) => !stop.signal.aborted && set((before) => ({ ...before, failure, isBusy: false })),
    );
    return () => stop.abort();
  }, [...keys, found.tries]);
  return { ...found, retry: () => set((before) => ({ ...before, tries: before.tries + 1 })) };
}

function Tabs({ list, month, today, week, folder, revision, onShow }) {
  const soon = plusDays(today, SOON);
  const { value } = useFound(
    (signal) =>
      Promise.all([
        count(BOTH, within(today, week), folder, signal),
        count(BOTH, within(today, soon), folder, signal),
        count(["expires"], { before: new Date().toISOString() }, folder, signal),
      ]),
    [folder, revision, today, week],
  );
  const tab = (name, label, found) => html`<button
    class="button plain"
    aria-pressed=${list === name}
    onClick=${() => onShow(name || month)}
  >${label}${found && html`<data>${t(found.isExact ? "number" : "calendar.least", { count: found.count })}</data>`}</button>`;
  const [inWeek, inSoon, before] = value ?? [];
  return html`<div class="group" role="group" aria-label=${t("calendar.what")}>
    ${tab("", t("calendar.month"))} ${tab("week", t("calendar.week"), inWeek)}
    ${tab("soon", t("calendar.soon", { count: SOON }), inSoon)} ${tab("expired", t("calendar.expired"), before)}
  </div>`;
}

function Failed({ failure, onRetry }) {
  return html`<div class="notice" role="alert">
    <${Icon} name="warn" /><span>${explained(failure).text}</span>
    <button class="button" onClick=${onRetry}>${t("retry")}</button>
  </div>`;
}

function MonthView({ month, day, today, first, folder, revision, onShow }) {
  const weeks = weeksOf(month, first);
  const from = weeks[0][0];
  const to = plusDays(weeks.at(-1)[6], 1);
  const found = useFound((signal) => schedule(from, to, folder, signal), [from, to, folder, revision]);
  const step = (months) => onShow(monthOf(plusMonths(`${month}-01`, months)));
  return html`
    <div class="month-head">
      <h2 id="calendar-month" aria-live="polite">${dates.month(month)}</h2>
      <div class="group">
        <button class="button plain" aria-label=${t("calendar.before")} title=${t("calendar.before")} onClick=${() => step(-1)}><${Icon} name="left" /></button>
        <button class="button plain" onClick=${() => onShow(today)}>${t("calendar.today")}</button>
        <button class="button plain" aria-label=${t("calendar.after")} title=${t("calendar.after")} onClick=${() => step(1)}><${Icon} name="right" /></button>
      </div>
      <p class="legend quiet">
        <span class="visible"><i />${t("calendar.legend.visible")}</span>
        <span class="expires"><i />${t("calendar.legend.expires")}</span>
      </p>
    </div>
    ${found.failure && html`<${Failed} failure=${found.failure} onRetry=${found.retry} />`}
    <${Month} weeks=${weeks} month=${month} chosen=${day} today=${today} first=${first} days=${found.value ?? {}} isBusy=${found.isBusy} onShow=${onShow} />
    ${day && html`<${Day} key=${day} day=${day} folder=${folder} revision=${revision} />`}
    <div class="only-phone">
      ${found.value && !day && html`<${Days} days=${inMonth(found.value, month)} onShow=${onShow} />`}
    </div>
  `;
}

const inMonth = (days, month) => Object.fromEntries(Object.entries(days).filter(([day]) => monthOf(day) === month));

// All that happens on one day.
function Day({ day, folder, revision }) {
  const bounds = within(day, plusDays(day, 1));
  return html`<section class="agenda" aria-label=${dates.day(day)}>
    <h2>${dates.day(day)}</h2>
    <${Paged} kind="visible" title=${t("calendar.visible")} bounds=${bounds} folder=${folder} revision=${revision} />
    <${Paged} kind="expires" title=${t("calendar.expires")} bounds=${bounds} folder=${folder} revision=${revision} />
  </section>`;
}

function Range({ title, from, to, folder, revision, onShow }) {
  const found = useFound((signal) => schedule(from, to, folder, signal), [from, to, folder, revision]);
  return html`<section class="agenda" aria-busy=${found.isBusy}>
    <h2>${title}</h2>
    ${found.failure && html`<${Failed} failure=${found.failure} onRetry=${found.retry} />`}
    ${!found.value && !found.failure && html`<p class="quiet">${t("loading")}</p>`}
    ${found.value && html`<${Days} days=${found.value} onShow=${onShow} />`}
  </section>`;
}

function Expired({ folder, revision }) {
  const library = useLibrary();
  return html`<section class="agenda">
    <h2>${t("calendar.expired")}</h2>
    <${Paged} kind="expires" isPast folder=${folder} revision=${revision} />
    <p class="quiet">
      ${t("calendar.marked")}
      <button class="button plain more" onClick=${() => library.go({ expired: "true" })}>${t("calendar.marked.show")}</button>
    </p>
  </section>`;
}
