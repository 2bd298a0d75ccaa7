// A month as a grid of days. What happens on them can be pulled to another day.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import { straight, t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Picture } from "../../views/tile.js";
import * as dates from "./dates.js";
import { monthOf, moved } from "./days.js";
import { move } from "./moving.js";
import { kindsOf } from "./schedule.js";

const CHIPS = 3;
const BOX = { width: 28, height: 22 };

export function Month({ weeks, month, chosen, today, first, days, isBusy, onShow }) {
  const library = useLibrary();
  const grid = useRef();
  const [current, setCurrent] = useState(chosen || today);
  const [pulled, setPulled] = useState(null);
  const [over, setOver] = useState("");
  const wants = useRef(false);
  // The day that can be reached by Tab is one of those that are shown.
  const reached = monthOf(current) === month ? current : chosen || `${month}-01`;
  // Before anything is painted: the next key must not get lost.
  useLayoutEffect(() => {
    if (!wants.current) return;
    wants.current = false;
    grid.current.querySelector(`[data-day="${reached}"]`)?.focus();
  });
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") onShow(reached);
    else {
      const to = moved(event.key, reached, first, event.shiftKey);
      if (!to) return;
      setCurrent(to);
      wants.current = true;
      if (monthOf(to) !== month) onShow(monthOf(to), { replace: true });
    }
    event.preventDefault();
  };
  const choose = (day) => {
    setCurrent(day);
    onShow(day);
  };
  const onDragStart = (event, entry, kind) => {
    event.dataTransfer.setData("text/plain", entry.filename);
    event.dataTransfer.effectAllowed = "move";
    setPulled({ entry, kind });
  };
  const target = (day) => ({
    onDragOver: (event) => {
      if (!pulled) return;
      event.preventDefault();
      if (over !== day) setOver(day);
    },
    onDrop: (event) => {
      if (!pulled) return;
      event.preventDefault();
      setOver("");
      setPulled(null);
      move(library, pulled.entry, pulled.kind, day);
    },
  });
  const onDragEnd = () => {
    setPulled(null);
    setOver("");
  };
  return html`<div
    class="month"
    role="grid"
    ref=${grid}
    aria-labelledby="calendar-month"
    aria-busy=${isBusy}
    onKeyDown=${onKeyDown}
  >
    <div role="row" class="weekdays">
      ${weeks[0].map((day) => html`<span role="columnheader" aria-label=${dates.weekday(day, "long")}>${dates.weekday(day, "short")}</span>`)}
    </div>
    ${weeks.map(
      (week) => html`<div role="row" class="week" key=${week[0]}>
        ${week.map((day) => {
          const kinds = days[day] ?? {};
          const name = [
            "cell",
            day === today && "today",
            day < today && "past",
            day === chosen && "chosen",
            day === over && "over",
            monthOf(day) !== month && "other",
          ];
          return html`<div
            role="gridcell"
            key=${day}
            class=${name.filter(Boolean).join(" ")}
            data-day=${day}
            tabindex=${day === reached ? 0 : -1}
            aria-label=${label(day, kinds)}
            aria-selected=${day === chosen}
            aria-current=${day === today ? "date" : undefined}
            onClick=${() => choose(day)}
            ...${target(day)}
          >
            <span class="number" aria-hidden="true">${dates.number(day)}</span>
            <${Chips} kinds=${kinds} onDragStart=${onDragStart} onDragEnd=${onDragEnd} />
          </div>`;
        })}
      </div>`,
    )}
  </div>`;
}

function label(day, kinds) {
  const said = kindsOf(kinds).map(([kind, { count }]) => t(`calendar.count.${kind}`, { count }));
  return [dates.day(day), ...said].join(", ");
}

// The first entries of a day. Whoever uses keys or a screen reader has them in the list of the day.
function Chips({ kinds, onDragStart, onDragEnd }) {
  const library = useLibrary();
  const all = kindsOf(kinds).flatMap(([kind, { entries }]) => entries.map((entry) => ({ kind, entry })));
  const count = Object.values(kinds).reduce((sum, found) => sum + found.count, 0);
  const shown = all.slice(0, count > CHIPS ? CHIPS - 1 : CHIPS);
  const rest = count - shown.length;
  return html`<div class="chips-of-day" aria-hidden="true">
    ${shown.map(({ kind, entry }) => {
      const open = (event) => {
        event.stopPropagation();
        library.open(entry.uuid);
      };
      const canMove = library.may("write", entry.namespace);
      return html`<div
        key=${kind + entry.uuid}
        class=${`happening ${kind}`}
        title=${entry.unique_name}
        draggable=${canMove}
        onDragStart=${(event) => onDragStart(event, entry, kind)}
        onDragEnd=${onDragEnd}
        onClick=${open}
      >
        <${Picture} key=${entry.signature} entry=${entry} box=${BOX} size="row" assets=${library.assets} />
        <span>${straight(entry.title || entry.filename)}</span>
      </div>`;
    })}
    ${rest > 0 && html`<span class="rest">${t(shown.length ? "calendar.more" : "number", { count: rest })}</span>`}
  </div>`;
}
