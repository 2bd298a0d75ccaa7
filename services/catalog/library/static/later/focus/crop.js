// A cut of a chosen ratio, as an address: the largest part of a picture that has the ratio, around a point. Pure.
import { formAddress } from "../../assets.js";
import { escaped, WIDTHS } from "../copy.js";
import { fit, SIDE_MAX } from "./cut.js";

export const RATIOS = ["1:1", "5:4", "4:3", "3:2", "16:9", "2:1", "4:5", "3:4", "2:3", "9:16"];
const SHOWN = 800;

// Return the ratio of a text such as "16:9" or "1200x630": { width, height }; null for another one.
export function ratioOf(text) {
  const [, width, height] = /^\s*(\d{1,5})\s*[:x×/]\s*(\d{1,5})\s*$/i.exec(text) ?? [];
  return Number(width) > 0 && Number(height) > 0 ? { width: Number(width), height: Number(height) } : null;
}

// Return the sides of the largest part of a picture that has a ratio.
export function largest({ width, height }, ratio) {
  const scale = Math.min(width / ratio.width, height / ratio.height, SIDE_MAX / Math.max(ratio.width, ratio.height));
  return { width: Math.max(1, Math.floor(ratio.width * scale + 1e-9)), height: Math.max(1, Math.floor(ratio.height * scale + 1e-9)) };
}

// Return the sizes of a ratio in which a picture is worth having, the largest one last: none is enlarged. A ratio that is
// a size by itself is one of them.
export function sizesOf(picture, ratio, isSize = false) {
  const most = largest(picture, ratio);
  const scaled = (width) => ({ width, height: Math.max(1, Math.round((width * ratio.height) / ratio.width)) });
  const widths = WIDTHS.filter((width) => width < most.width);
  if (isSize && ratio.width < most.width) widths.push(ratio.width);
  const found = [...new Set(widths)].sort((one, other) => one - other).map(scaled);
  return most.width <= WIDTHS.at(-1) || found.length === 0 ? [...found, most] : found;
}

// The grammar of addresses has points in hundredths.
export const hundredth = (share) => Math.round(Math.min(1, Math.max(0, share)) * 100) / 100;

const given = (point) => (point ? { crop: `${point.x},${point.y}` } : {});

// Return the address of a cut. Without a point, it follows the focal point of the asset.
export function cropAddress(base, entry, { width, height }, point, more = {}) {
  const address = formAddress(base, `${width}x${height}`, entry.unique_name, { ...given(point), ...more });
  return address.replace("%2C", ",");
}

// Return the piece of a page that shows a cut in several widths, with each address as `address` writes it.
export function cropPicture(base, entry, sizes, point, enlarge, address) {
  const shown = sizes.findLast(({ width }) => width <= SHOWN) ?? sizes[0];
  const box = fit(entry.width, entry.height, { ...shown, fit: "cover", focus: point }, { enlarge });
  const display = `(max-width: ${box.cropWidth}px) 100vw, ${box.cropWidth}px`;
  const set = (more) =>
    escaped(sizes.map((size) => `${address(cropAddress(base, entry, size, point, more))} ${size.width}w`).join(", "));
  const src = escaped(address(cropAddress(base, entry, shown, point)));
  const alt = escaped(entry.alt ?? "");
  const sides = `width="${box.cropWidth}" height="${box.cropHeight}"`;
  return [
    "<picture>",
    `  <source type="image/avif" srcset="${set({ format: "avif" })}" sizes="${display}">`,
    `  <img src="${src}" srcset="${set({})}" sizes="${display}" ${sides} alt="${alt}" loading="lazy">`,
    "</picture>",
  ].join("\n");
}
