// What is copied: addresses, and pieces of pages. Pure.
import { formAddress, kindOf, originalAddress } from "../assets.js";

export const WIDTHS = [400, 800, 1200, 1600, 2400];
export const FORMATS = ["webp", "avif", "jpeg", "png"];
const SIZES = "(max-width: 800px) 100vw, 800px";
const SHOWN = 800;

export const escaped = (text) =>
  text.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter]);

const plain = (text) => text.replace(/\s+/g, " ").replace(/[\\[\]`*_<>!]/g, "\\$&");

const isDrawn = (entry) => kindOf(entry) === "picture" || kindOf(entry) === "gif";

// Return the widths in which a picture is worth having: none is larger than the picture.
export function widthsOf(entry) {
  const widths = WIDTHS.filter((width) => !entry.width || width < entry.width);
  const most = WIDTHS.at(-1);
  return entry.width && entry.width <= most ? [...widths, entry.width] : widths;
}

// Return what is before the names of the assets in the public address of one.
function base(entry) {
  return entry.base_url;
}

function form(entry, width, given = {}) {
  return formAddress(base(entry), `${width}x0`, entry.unique_name, given);
}

// Each text is written with a function that says how an address is written: as it is, or signed.

export function picture(entry, address) {
  const alt = escaped(entry.alt ?? "");
  if (kindOf(entry) === "pdf") {
    const label = escaped(entry.title || entry.filename);
    return `<a href="${escaped(address(entry.public_url))}">${label}</a>`;
  }
  const size = entry.width ? ` width="${entry.width}" height="${entry.height}"` : "";
  if (!isDrawn(entry)) return `<img src="${escaped(address(entry.public_url))}"${size} alt="${alt}">`;
  const widths = widthsOf(entry);
  const set = (given) => escaped(widths.map((width) => `${address(form(entry, width, given))} ${width}w`).join(", "));
  const shown = widths.findLast((width) => width <= SHOWN) ?? widths[0];
  return [
    "<picture>",
    `  <source type="image/avif" srcset="${set({ format: "avif" })}" sizes="${SIZES}">`,
    `  <img src="${escaped(address(form(entry, shown)))}" srcset="${set({})}" sizes="${SIZES}"${size} alt="${alt}" loading="lazy">`,
    "</picture>",
  ].join("\n");
}

export function markdown(entry, address) {
  if (kindOf(entry) === "pdf") return `[${plain(entry.title || entry.filename)}](${address(entry.public_url)})`;
  return `![${plain(entry.alt ?? "")}](${address(isDrawn(entry) ? form(entry, SHOWN) : entry.public_url)})`;
}

// Return everything that can be copied of an entry, by names: what writes it, and for sizes and presets what they are.
export function choices(entry, presets) {
  const written = (plainAddress) => (address) => address(plainAddress);
  const found = [
    { name: "address", write: written(entry.public_url) },
    { name: "original", write: written(originalAddress(base(entry), entry)) },
    { name: "picture", write: (address) => picture(entry, address) },
    { name: "markdown", write: (address) => markdown(entry, address) },
  ];
  const widths = kindOf(entry) === "svg" ? [] : widthsOf(entry);
  for (const width of widths) found.push({ name: "width", what: width, write: written(form(entry, width)) });
  for (const [name, size] of Object.entries(presets)) {
    found.push({ name: "preset", what: name, size, write: written(formAddress(base(entry), name, entry.unique_name)) });
  }
  return found;
}

// Return the address that saves an entry: as uploaded, or in a format and a width ("" for its own).
export function download(assets, entry, { format, width }) {
  if (format === "original") return originalAddress(assets, entry, { download: 1 });
  const size = width || entry.width || WIDTHS.at(-1);
  return formAddress(assets, `${size}x0`, entry.unique_name, { format, download: 1 });
}

// Put a text onto the clipboard. Pages without TLS have none, so it is selected and copied by hand there.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
}
