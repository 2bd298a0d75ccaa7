// What an address cuts out of a picture: services/transform/render/geometry.py in the browser, equal to the pixel. Pure.

export const SIDE_MAX = 16383;
export const MIDDLE = Object.freeze({ x: 0.5, y: 0.5 });

// Python rounds a half to the even number.
export function rounded(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

// Return how a picture is scaled (`width`, `height`) and what is cut out of that (`left`, `top`, `cropWidth`,
// `cropHeight`). A plan has `width`, `height` (0 is free), `fit`, and `focus` or null.
export function fit(sourceWidth, sourceHeight, plan, { sideMax = SIDE_MAX, enlarge = false } = {}) {
  const wantedX = plan.width ? plan.width / sourceWidth : 0;
  const wantedY = plan.height ? plan.height / sourceHeight : 0;
  const largest = enlarge ? Infinity : 1;
  const isBox = plan.width > 0 && plan.height > 0;
  const chosen = plan.fit === "contain" && isBox ? Math.min : Math.max;
  const one = Math.min(chosen(wantedX, wantedY) || 1, largest);
  const [scaleX, scaleY] =
    plan.fit === "fill" && isBox ? [Math.min(wantedX, largest), Math.min(wantedY, largest)] : [one, one];
  const found = at(scaleX, scaleY, sourceWidth, sourceHeight, plan);
  const side = Math.max(found.cropWidth, found.cropHeight);
  if (side <= sideMax) return found;
  const shrink = sideMax / side;
  return at(scaleX * shrink, scaleY * shrink, sourceWidth, sourceHeight, plan);
}

function at(scaleX, scaleY, sourceWidth, sourceHeight, plan) {
  const width = Math.max(1, rounded(sourceWidth * scaleX));
  const height = Math.max(1, rounded(sourceHeight * scaleY));
  const cropWidth = Math.min(plan.width || width, width);
  const cropHeight = Math.min(plan.height || height, height);
  const focus = plan.focus ?? MIDDLE;
  return {
    width,
    height,
    cropWidth,
    cropHeight,
    left: start(width, cropWidth, focus.x),
    top: start(height, cropHeight, focus.y),
  };
}

function start(side, crop, focus) {
  return Math.min(Math.max(0, Math.trunc(side * focus - crop / 2)), side - crop);
}

export function cuts(box) {
  return box.cropWidth !== box.width || box.cropHeight !== box.height;
}

// Return what is cut out as shares of the picture.
export function shares({ width, height, cropWidth, cropHeight, left, top }) {
  return { x: left / width, y: top / height, width: cropWidth / width, height: cropHeight / height };
}

// Read what a preset stands for, such as "200x200?crop=smart"; null for what is not understood. `by` says what places
// its cuts: the focal point of the asset, a "point" of its own, or what people look at ("smart"); "none" if it has none.
export function planOf(text) {
  const [, width, height, query] = /^(\d+)x(\d+)(?:\?(.*))?$/.exec(text) ?? [];
  if (width === undefined) return null;
  const given = new URLSearchParams(query ?? "");
  const longest = Math.max(Number(width), Number(height), 1);
  const density = Math.min(Number(given.get("dpr") ?? 1), SIDE_MAX / longest);
  const plan = {
    width: rounded(width * density),
    height: rounded(height * density),
    fit: given.get("fit") ?? "cover",
    focus: null,
    by: "focus",
  };
  const crop = given.get("crop");
  const [, x, y] = /^([\d.]+),([\d.]+)$/.exec(crop ?? "") ?? [];
  if (!plan.width || !plan.height || plan.fit !== "cover") plan.by = "none";
  else if (crop === "smart") plan.by = "smart";
  else if (x !== undefined) Object.assign(plan, { by: "point", focus: { x: Number(x), y: Number(y) } });
  return plan;
}
