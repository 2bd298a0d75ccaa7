// Where the entries of a listing stand. Pure: all lengths are CSS pixels.

const LEAST = { s: 148, m: 220, l: 290 };
const GAP = 16;
const TEXT = 52;
const INSET = 10;
const PHONE = 520;
const THUMB = 44;
const ROW = 56;
export const PADDING = 16;

// Return how `count` entries are laid out in a width: columns, the mat and the box in it for a picture, the height of a
// row and of all.
export function arrange({ width, count, layout, size }) {
  if (layout === "list") return { columns: 1, mat: THUMB, box: { width: THUMB, height: THUMB }, row: ROW, height: count * ROW };
  const least = width < PHONE && size === "l" ? width / 2 - GAP : LEAST[size];
  const columns = Math.max(width < PHONE ? 2 : 1, Math.floor((width + GAP) / (least + GAP)));
  const cell = Math.floor((width - GAP * (columns - 1)) / columns);
  const mat = Math.round(cell * 0.75);
  const box = { width: cell - 2 * INSET, height: mat - 2 * INSET };
  const row = mat + TEXT + GAP;
  return { columns, mat, box, row, height: Math.ceil(count / columns) * row };
}

// Return the rows [first, last) that are near what is seen.
export function seen({ row, height }, top, viewport, beyond = viewport) {
  const rows = Math.ceil(height / row);
  const first = Math.max(0, Math.floor((top - beyond) / row));
  return { first: Math.min(first, rows), last: Math.min(rows, Math.ceil((top + viewport + beyond) / row)) };
}

// Return the largest size with the proportions of a picture that fits into a box. A picture is not shown larger than it
// is, unless it is `endless` (a drawing).
export function fit(width, height, box, endless = false) {
  if (!width || !height) return { ...box };
  const scale = Math.min(box.width / width, box.height / height, endless ? Infinity : 1);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

// Return where to scroll so that a row is wholly seen; the same place if it is.
export function revealed(row, height, top, viewport) {
  const start = row * height;
  if (start < top) return start;
  return Math.max(top, start + height - viewport);
}

// Return the index to which a key leads from an index, or null for another key.
export function moved(key, at, count, columns, page) {
  const steps = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: columns * page,
    PageUp: -columns * page,
    Home: -at,
    End: count - 1 - at,
  };
  if (!(key in steps) || count === 0) return null;
  if (at < 0) return 0;
  const to = at + steps[key];
  if (Math.abs(steps[key]) === columns && columns > 1 && (to < 0 || to >= count)) return at;
  return Math.min(count - 1, Math.max(0, to));
}
