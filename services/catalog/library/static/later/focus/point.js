// A point of a picture, 0 to 1 from its upper left. Pure.

const STEP = 0.01;
const LEAP = 0.1;
const MOVES = {
  ArrowLeft: ["x", -1],
  ArrowRight: ["x", 1],
  ArrowUp: ["y", -1],
  ArrowDown: ["y", 1],
};
const ENDS = { Home: { x: 0 }, End: { x: 1 }, PageUp: { y: 0 }, PageDown: { y: 1 } };

const inside = (share) => Math.min(1, Math.max(0, share));

// A thousandth of a side: the service stores ten times more.
const exact = (share) => Math.round(inside(share) * 1000) / 1000;

// Return the point to which a key leads, or null for another key. With Shift, an arrow leads ten times as far.
export function moved(key, point, isFar) {
  if (key in ENDS) return { ...point, ...ENDS[key] };
  if (!(key in MOVES)) return null;
  const [axis, way] = MOVES[key];
  return { ...point, [axis]: exact(point[axis] + way * (isFar ? LEAP : STEP)) };
}

// Return the point that the fields of a form have, or null.
export function pointOf({ focus_x: x, focus_y: y }) {
  const point = { x: Number(x), y: Number(y) };
  const isPoint = x.trim() !== "" && y.trim() !== "" && [point.x, point.y].every((share) => share >= 0 && share <= 1);
  return isPoint ? point : null;
}

// Return the texts of a point for the fields of a form. No point is two empty ones.
export function typed(point) {
  return { focus_x: point ? String(exact(point.x)) : "", focus_y: point ? String(exact(point.y)) : "" };
}

// Return a share as a number of percent.
export const percent = (share) => Math.round(share * 1000) / 10;
