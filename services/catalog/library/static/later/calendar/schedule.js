// What happens on which day: read from the search of the catalog.
import { read } from "../../api.js";
import { between, dayOf, plusDays, start } from "./days.js";

// What can happen to an entry: the field that says when, and how a search calls it.
export const KINDS = {
  visible: { field: "visible_from", argument: "visible" },
  expires: { field: "expiration_date", argument: "expires" },
};
// Entries of a day that are shown with others. The rest is counted.
export const SHOWN = 12;
const PAGE = 200;
const TOGETHER = 6;

// Return the bounds of a search from one day until another, the latter excluded.
export const within = (from, to) => ({ after: start(from).toISOString(), before: start(to).toISOString() });

// Return the arguments of a search for what happens within some bounds, the first one first or the last one.
export function asked(kind, { after = "", before = "" }, folder, isReverse = false) {
  const { argument, field } = KINDS[kind];
  const query = new URLSearchParams({ sort: (isReverse ? "-" : "") + field });
  if (after) query.append(`${argument}_after`, after);
  if (before) query.append(`${argument}_before`, before);
  if (folder) {
    query.append("folder", folder);
    query.append("recursive", "true");
  }
  return query;
}

// Return what was found of each kind, always in the same order.
export const kindsOf = (found = {}) => Object.keys(KINDS).filter((kind) => found[kind]).map((kind) => [kind, found[kind]]);

export function find(query, limit, { cursor, signal } = {}) {
  const all = new URLSearchParams(query);
  all.append("limit", limit);
  if (cursor) all.append("cursor", cursor);
  return read("catalog/search", { query: all, signal });
}

// Return what happens on each day of a range: { day: { visible: { entries, count, isExact }, expires: … } }. Days on
// which nothing happens are not there.
export async function schedule(from, to, folder, signal) {
  const days = {};
  const note = (day, kind, found) => {
    if (found.count > 0) (days[day] ??= {})[kind] = found;
  };
  const ofKind = async (kind) => {
    const { data, cursor } = await find(asked(kind, within(from, to), folder), PAGE, { signal });
    const byDay = Map.groupBy(data, (entry) => dayOf(entry[KINDS[kind].field]));
    // Of the last day that was read, and of all behind it, there may be more.
    const open = cursor === null ? to : data.length ? dayOf(data.at(-1)[KINDS[kind].field]) : from;
    for (const [day, entries] of byDay) {
      if (day < open) note(day, kind, { entries: entries.slice(0, SHOWN), count: entries.length, isExact: true });
    }
    await eachOf(between(open, to), async (day) => {
      const found = await find(asked(kind, within(day, plusDays(day, 1)), folder), SHOWN, { signal });
      note(day, kind, { entries: found.data, count: found.total, isExact: found.total_exact });
    });
  };
  await Promise.all(Object.keys(KINDS).map(ofKind));
  return days;
}

// Call a function for each value, some of them at a time.
async function eachOf(values, call) {
  const rest = [...values];
  const work = async () => {
    while (rest.length) await call(rest.shift());
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

// Return how many entries of some kinds there are within some bounds.
export async function count(kinds, bounds, folder, signal) {
  const found = await Promise.all(kinds.map((kind) => find(asked(kind, bounds, folder), 1, { signal })));
  return {
    count: found.reduce((sum, { total }) => sum + total, 0),
    isExact: found.every(({ total_exact }) => total_exact),
  };
}
