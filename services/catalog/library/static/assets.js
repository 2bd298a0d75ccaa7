// What an entry is, and the addresses of its forms. Pure.

const THUMBNAILS = { s: [240, 180], m: [320, 240], l: [480, 360], row: [96, 96] };

const KINDS = { "image/svg+xml": "svg", "application/pdf": "pdf", "image/gif": "gif" };

// Return what an entry is to people: picture, svg, pdf or gif.
export function kindOf(entry) {
  return KINDS[entry.original_mimetype] ?? "picture";
}

// Return the short name of the type of the uploaded file, such as JPEG.
export function typeName(mimetype) {
  return mimetype.replace(/^.*\//, "").replace(/\+.*$/, "").toUpperCase();
}

// Return whether an entry is delivered: live, expired, or hidden (before its visible_from).
export function stateOf(entry, now = Date.now()) {
  if (entry.expired || (entry.expiration_date && Date.parse(entry.expiration_date) <= now)) return "expired";
  return entry.visible_from && Date.parse(entry.visible_from) > now ? "hidden" : "live";
}

export function lacksAlt(entry) {
  return kindOf(entry) !== "pdf" && !entry.alt;
}

const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");

// Return the address of a form below `base`: "original", "full", or a size or preset such as "200x0".
export function formAddress(base, form, name, given = {}) {
  const path = form === "original" || form === "full" ? form : `optimise/${form}`;
  const said = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "" && value !== null));
  const query = said.toString();
  return `${base}/${path}${encoded(name)}${query && `?${query}`}`;
}

// Return the address of the uploaded file: it has the extension with which it was uploaded.
export function originalAddress(base, entry, given = {}) {
  return formAddress(base, "original", entry.unique_name, given);
}

// Return `src` and `srcset` of a thumbnail. The number of the version is for the cache of the browser alone.
export function thumbnail(base, entry, size) {
  const [width, height] = THUMBNAILS[size];
  const given = { fit: "contain", _: entry.signature.slice(0, 8) };
  const form = `${width}x${height}`;
  const src = formAddress(base, form, entry.unique_name, given);
  return { src, srcset: `${src} 1x, ${formAddress(base, form, entry.unique_name, { ...given, dpr: 2 })} 2x` };
}
