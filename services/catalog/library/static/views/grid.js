// The entries as a grid or a list, of which only what is near the reader's eyes exists.
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { arrange, moved, PADDING, revealed, seen } from "../geometry.js";
import { html } from "../html.js";
import { t } from "../texts.js";
import { Row, Tile } from "./tile.js";

const FAST = 4000;
const SETTLED = 120;
const SKELETONS = 24;
const HOLD = 500;
const COLUMNS = ["name", "folder", "type", "dimensions", "bytes", "uploaded"];

export function Grid({ listing, layout, size, asset, marked, assets, selection, onOpen, onClose, onSelect, onScrolled }) {
  const box = useRef();
  const [frame, setFrame] = useState({ width: 0, height: 0 });
  const [, again] = useReducer((count) => count + 1, 0);
  const scroll = useRef({ top: 0, at: 0, isFast: false, timer: 0, frame: 0 });
  const [active, setActive] = useState(-1);
  const count = listing.isLoaded ? listing.count : SKELETONS;
  const width = frame.width - 2 * PADDING;
  const form = useMemo(() => arrange({ width: Math.max(width, 1), count, layout, size }), [width, count, layout, size]);
  // What is seen comes first, then what is near it.
  const [isSettled, setSettled] = useState(false);
  const beyond = isSettled ? frame.height : 0;
  const rows = seen(form, scroll.current.top, frame.height, beyond);
  const first = rows.first * form.columns;
  const last = Math.min(count, rows.last * form.columns);
  const drawn = useRef();
  drawn.current = { form, rows, beyond, height: frame.height, isFast: scroll.current.isFast };

  useLayoutEffect(() => {
    const measure = () => setFrame({ width: box.current.clientWidth, height: box.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    measure();
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (listing.isLoaded) setTimeout(() => setSettled(true));
  }, [listing.isLoaded]);

  // If columns or rows change, what was at the top stays there.
  const before = useRef(form);
  useLayoutEffect(() => {
    const was = before.current;
    before.current = form;
    if (was.row === form.row && was.columns === form.columns) return;
    const at = Math.floor(scroll.current.top / was.row) * was.columns;
    const rest = (scroll.current.top % was.row) / was.row;
    box.current.scrollTop = (Math.floor(at / form.columns) + rest) * form.row;
    if (asset && active >= 0) reveal(active);
  }, [form.row, form.columns]);

  // Another search begins at its start.
  const key = useRef(listing.key);
  useLayoutEffect(() => {
    if (key.current === listing.key) return;
    key.current = listing.key;
    box.current.scrollTop = 0;
    scroll.current.top = 0;
    setActive(-1);
  }, [listing.key]);

  useEffect(() => {
    listing.need(first, Math.max(last, 1));
  }, [listing, first, last]);

  // The entry of the details is the active one, and is seen.
  useEffect(() => {
    const index = asset ? listing.indexOf(asset) : -1;
    if (index >= 0) setActive(index);
  }, [asset]);

  const look = () => {
    const now = performance.now();
    const state = scroll.current;
    const { scrollTop } = box.current;
    state.isFast = Math.abs(scrollTop - state.top) / Math.max(1, now - state.at) > FAST / 1000;
    Object.assign(state, { top: scrollTop, at: now, frame: 0 });
    onScrolled(scrollTop);
    clearTimeout(state.timer);
    // While the reader rushes past, no pictures are asked for.
    if (state.isFast) {
      state.timer = setTimeout(() => {
        state.isFast = false;
        again();
      }, SETTLED);
    }
    // Most steps show what is drawn already.
    const { form, rows, beyond, height, isFast } = drawn.current;
    const wanted = seen(form, scrollTop, height, beyond);
    if (wanted.first !== rows.first || wanted.last !== rows.last || state.isFast !== isFast) again();
  };
  const onScroll = () => {
    scroll.current.frame ||= requestAnimationFrame(look);
  };
  useEffect(
    () => () => {
      cancelAnimationFrame(scroll.current.frame);
      clearTimeout(scroll.current.timer);
    },
    [],
  );

  const reveal = (index) => {
    const head = layout === "list" ? form.row : 0;
    const { scrollTop, clientHeight } = box.current;
    box.current.scrollTop = revealed(Math.floor(index / form.columns), form.row, scrollTop, clientHeight - PADDING - head);
  };
  useEffect(() => {
    const selectAll = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "a" || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      onSelect({ all: true });
    };
    document.addEventListener("keydown", selectAll);
    return () => document.removeEventListener("keydown", selectAll);
  }, []);
  const onKeyDown = (event) => {
    if (event.target !== box.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const entry = listing.at(active);
    if (event.key === "Enter" && entry) onOpen(entry.uuid);
    else if (event.key === " ") onSelect({ toggle: active });
    else if (event.key === "Escape" && selection) onSelect(null);
    else if (event.key === "Escape" && asset) onClose();
    else {
      const page = Math.max(1, Math.floor(frame.height / form.row) - 1);
      const to = moved(event.key, active, listing.count, form.columns, page);
      if (to === null) return;
      setActive(to);
      reveal(to);
      const next = listing.at(to);
      if (event.shiftKey) onSelect({ range: to, from: active });
      // With the details open, they follow.
      else if (asset && next) onOpen(next.uuid);
    }
    event.preventDefault();
  };

  const isList = layout === "list";
  const isShown = (uuid) => uuid !== undefined && (uuid === asset || marked?.has(uuid));
  const Cell = isList ? Row : Tile;
  const made = [];
  for (let row = rows.first; row < rows.last; row++) {
    const cells = [];
    for (let at = row * form.columns; at < Math.min(count, (row + 1) * form.columns); at++) {
      const entry = listing.at(at);
      cells.push(html`<${Cell}
        key=${at}
        index=${at}
        entry=${entry}
        box=${form.box}
        mat=${form.mat}
        size=${isList ? "row" : size}
        column=${(at % form.columns) + 1}
        isActive=${at === active}
        isOpen=${entry !== undefined && entry.uuid === asset}
        isMarked=${entry !== undefined && marked?.has(entry.uuid)}
        isSelected=${entry !== undefined && selection !== null && selection.has(entry.uuid)}
        isFast=${scroll.current.isFast}
        scroll=${scroll.current}
        assets=${assets}
      />`);
    }
    made.push(html`<div
      class=${isList ? "line" : "row"}
      role="row"
      key=${row}
      aria-rowindex=${row + (isList ? 2 : 1)}
      aria-current=${isList ? isShown(listing.at(row)?.uuid) : undefined}
      style=${{ top: `${row * form.row}px`, height: `${form.row}px`, "--columns": String(form.columns) }}
    >${cells}</div>`);
  }

  const hold = useRef({ timer: 0, isOver: false });
  const indexAt = (event) => Number(event.target.closest(".tile:not([aria-busy])")?.id.slice("file-".length) ?? NaN);
  const onClick = (event) => {
    const index = indexAt(event);
    const wasHeld = hold.current.isOver;
    hold.current.isOver = false;
    if (!(index >= 0) || wasHeld) return;
    setActive(index);
    box.current.focus({ preventScroll: true });
    const isPicked = event.target.closest(".pick") || event.ctrlKey || event.metaKey;
    if (event.shiftKey && !marked) onSelect({ range: index, from: Math.max(0, active) });
    else if ((isPicked && !marked) || (selection && event.pointerType === "touch")) onSelect({ toggle: index });
    else onOpen(listing.at(index).uuid);
  };
  // Where there is no pointer that hovers, a long touch begins to select.
  const onPointerDown = (event) => {
    const index = indexAt(event);
    hold.current.isOver = false;
    if (event.pointerType !== "touch" || !(index >= 0)) return;
    hold.current.timer = setTimeout(() => {
      hold.current.isOver = true;
      onSelect({ toggle: index });
    }, HOLD);
  };
  const onPointerUp = () => clearTimeout(hold.current.timer);

  return html`<div
    class=${`files ${isList ? "as-list" : "as-grid"} ${listing.isLoaded ? "" : "is-loading"} ${selection ? "selecting" : ""}`}
    ref=${box}
    role="grid"
    tabindex="0"
    aria-label=${t("files")}
    aria-multiselectable="true"
    aria-busy=${!listing.isLoaded}
    aria-rowcount=${Math.ceil(count / form.columns) + (isList ? 1 : 0)}
    aria-colcount=${isList ? COLUMNS.length : form.columns}
    aria-activedescendant=${active >= first && active < last ? `file-${active}` : undefined}
    onScroll=${onScroll}
    onKeyDown=${onKeyDown}
    onClick=${onClick}
    onPointerDown=${onPointerDown}
    onPointerUp=${onPointerUp}
    onPointerCancel=${onPointerUp}
    onContextMenu=${(event) => hold.current.isOver && event.preventDefault()}
  >
    ${isList &&
    html`<div class="line head" role="row" aria-rowindex="1">
      ${COLUMNS.map((name) => html`<span role="columnheader" class=${`c-${name}`}>${t(`column.${name}`)}</span>`)}
    </div>`}
    <div class="sheet" role="rowgroup" style=${{ height: `${form.height}px` }}>${made}</div>
  </div>`;
}
