// Selecting files, and what can be done with all of them at once.
import { useEffect } from "preact/hooks";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Bar } from "./bar.js";
import { Chosen, fileOf, keyOf } from "./chosen.js";
import { Works } from "./works.js";

const RANGE_MAX = 20000;

// One act is done after the other: to find the files of a range may take a while. What ends the selection, or selects all,
// does not wait for it.
let last = Promise.resolve();
let turn = 0;

// Select: {toggle: index}, {range: index, from}, {all: true}, or null for nothing.
export function select(library, act) {
  if (act === null || act.all) turn += 1;
  const mine = turn;
  if (act === null || act.all) apply(library, act, mine);
  else last = last.then(() => mine === turn && apply(library, act, mine));
}

async function apply(library, act, mine) {
  const { listing } = library.state;
  const key = keyOf(library.view);
  const { selection } = library.state;
  const before = selection?.key === key ? selection : new Chosen({ key });
  const set = (after) => library.store.set({ selection: after });
  if (act === null) return set(null);
  if (act.all) return listing.count > 0 && set(Chosen.all(key));
  if ("toggle" in act) {
    const entry = listing.at(act.toggle);
    if (!entry) return;
    const after = before.toggled(fileOf(entry), act.toggle);
    return set(after.count(listing.count) ? after : null);
  }
  const anchor = anchorOf(before, listing, act.from);
  const [first, last] = [Math.min(anchor.index, act.range), Math.max(anchor.index, act.range) + 1];
  if (last - first > RANGE_MAX) return library.say(t("selection.toomany", { count: RANGE_MAX }), { kind: "error" });
  set(before.finding(anchor));
  try {
    const found = await listing.range(first, last);
    if (mine === turn) set(before.withRange(found.map(fileOf), anchor));
  } catch (error) {
    if (mine === turn) set(selection);
    if (error.name !== "AbortError") library.complain(error);
  }
}

// Where a range begins: at the file that was selected last, also if it has another place by now.
function anchorOf({ anchor }, listing, from) {
  if (!anchor) return { uuid: listing.at(from)?.uuid, index: from };
  const index = anchor.uuid ? listing.indexOf(anchor.uuid) : -1;
  return { ...anchor, index: index < 0 ? anchor.index : index };
}

export function Selection() {
  const library = useLibrary();
  const selection = useLibraryState((state) => state.selection);
  const view = useLibraryState((state) => state.view);
  const listing = useLibraryState((state) => state.listing);
  useLibraryState((state) => state.revision);
  useLibraryState((state) => state.language);
  const isOther = selection !== null && selection.key !== keyOf(view);
  useEffect(() => {
    if (!isOther) return;
    library.store.set({ selection: null });
    library.say(t("selection.ended"));
  }, [isOther]);
  const count = selection?.count(listing.count) ?? 0;
  return html`
    ${selection && !isOther && !view.place && html`<${Bar} chosen=${selection} count=${count} isExact=${listing.exact || !selection.isAll} />`}
    <${Works} />
  `;
}
