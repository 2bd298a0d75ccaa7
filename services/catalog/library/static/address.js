// The state of the page as its address has it. Pure.
import { PLACES } from "./places.js";

export const SORTS = ["-uploaded_date", "uploaded_date", "-updated_date", "name", "-name", "-size", "size"];
export const ORIENTATIONS = ["landscape", "portrait", "square"];
export const COLORS = ["black", "grey", "white", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"];
export const MISSING = ["alt", "title", "caption", "credit", "tags"];
export const LAYOUTS = ["grid", "list"];
export const SIZES = ["s", "m", "l"];

// `deep` says whether the folders below the folder belong to it; `place` what is shown in place of the files ("" for
// them), and `at` where somebody is in that place, in its own words.
export const START = Object.freeze({
  folder: "",
  deep: true,
  q: "",
  tags: [],
  types: [],
  orientation: "",
  color: "",
  missing: "",
  expired: "",
  sort: SORTS[0],
  layout: "grid",
  size: "m",
  place: "",
  at: "",
  asset: "",
});

const CHOICES = {
  orientation: ORIENTATIONS,
  color: COLORS,
  missing: MISSING,
  expired: ["true", "false"],
  sort: SORTS,
  layout: LAYOUTS,
  size: SIZES,
  place: Object.keys(PLACES),
};
const LISTS = { tags: "tag", types: "type" };
const TEXTS = ["folder", "q", "at", "asset"];
const FILTERS = ["q", "tags", "types", "orientation", "color", "missing", "expired"];

// Read the query of an address. What is not understood is as if it were not there.
export function parse(query) {
  const given = new URLSearchParams(query);
  const view = { ...START };
  for (const name of TEXTS) view[name] = given.get(name) ?? "";
  for (const [name, argument] of Object.entries(LISTS)) view[name] = [...new Set(given.getAll(argument).filter(Boolean))];
  for (const [name, known] of Object.entries(CHOICES)) {
    if (known.includes(given.get(name))) view[name] = given.get(name);
  }
  view.deep = given.get("deep") !== "0";
  return view;
}

// Whether another page has opened this one, for which people pick files.
export function isPicking(query) {
  return new URLSearchParams(query).has("pick") && (window.parent !== window || window.opener !== null);
}

// Write a view as the query of an address, after what was asked for otherwise: "" for the start, otherwise with "?".
export function format(view, asked) {
  const said = new URLSearchParams(asked);
  for (const name of ["folder", "q", ...Object.keys(CHOICES), "at"]) {
    if (view[name] !== START[name]) said.append(name, view[name]);
  }
  if (!view.deep) said.append("deep", "0");
  for (const [name, argument] of Object.entries(LISTS)) view[name].forEach((value) => said.append(argument, value));
  if (view.asset) said.append("asset", view.asset);
  const query = said.toString();
  return query && `?${query}`;
}

// Return a view with changes. Who chooses a folder or a filter wants to see files; each place begins anew.
export function changed(view, changes) {
  const isOfFiles = ["folder", ...FILTERS].some((name) => name in changes);
  return { ...view, ...(isOfFiles && { place: "", at: "" }), ...("place" in changes && { at: "" }), ...changes };
}

// The arguments of GET /catalog/search that find what a view shows.
export function searched(view) {
  const said = new URLSearchParams();
  // The service refuses a text without letters and digits.
  if (/[\p{L}\p{N}]/u.test(view.q)) said.append("q", view.q);
  if (view.folder) {
    said.append("folder", view.folder);
    said.append("recursive", String(view.deep));
  }
  for (const [name, argument] of Object.entries(LISTS)) view[name].forEach((value) => said.append(argument, value));
  for (const name of ["orientation", "color", "missing", "expired"]) if (view[name]) said.append(name, view[name]);
  said.append("sort", view.sort);
  return said;
}

// Whether two views show the same entries in the same order.
export function showTheSame(one, other) {
  return searched(one).toString() === searched(other).toString();
}

export function hasFilters(view) {
  return FILTERS.some((name) => view[name].length > 0);
}

export function withoutFilters(view) {
  return { ...view, ...Object.fromEntries(FILTERS.map((name) => [name, START[name]])) };
}

// The folders that lead to a folder, each with its name: of /DEV/shop, /DEV and /DEV/shop.
export function trail(folder) {
  const names = folder.split("/").filter(Boolean);
  return names.map((name, at) => ({ name, path: `/${names.slice(0, at + 1).join("/")}` }));
}
