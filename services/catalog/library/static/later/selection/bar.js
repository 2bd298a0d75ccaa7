// The bar with what can be done with the selected files.
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { countOf, download, isLarge, remove } from "./acts.js";
import { ExpiryDialog, FieldsDialog, TagsDialog } from "./dialogs.js";
import { MoveDialog } from "./moving.js";

const DIALOGS = { tags: TagsDialog, fields: FieldsDialog, move: MoveDialog, expiry: ExpiryDialog };
const ICONS = { tags: "tag", fields: "edit", move: "folder", expiry: "clock" };

export function Bar({ chosen, count, isExact }) {
  const library = useLibrary();
  const listing = useLibraryState((state) => state.listing);
  const days = useLibraryState((state) => state.about.trash_days);
  const [asked, setAsked] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const end = () => {
    library.store.set({ selection: null });
    document.querySelector("[role=grid]")?.focus();
  };
  useEffect(() => {
    const onKeyDown = (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !event.target.closest("dialog, aside, input, [role=grid]")) end();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  const mayWrite = chosen.isAll
    ? library.may("write")
    : [...chosen.files.values()].some(({ namespace }) => library.may("write", namespace));
  // How many they are, the service says: a search that finds many is not counted to its end.
  const counted = (act) => async () => {
    setBusy(true);
    try {
      const exact = await countOf(library, chosen);
      if (exact === 0) library.say(t("selection.none"));
      else await act(exact);
    } catch (error) {
      library.complain(error);
    } finally {
      setBusy(false);
    }
  };
  const save = async () => {
    setBusy(true);
    try {
      await download(library, chosen);
    } catch (error) {
      library.complain(error);
    } finally {
      setBusy(false);
    }
  };
  const ask = counted(async (exact) => {
    const sure = await library.ask({
      title: t("selection.delete.title", { count: exact }),
      text: [
        days ? t("delete.trash", { count: days }) : t("selection.delete.forever"),
        isLarge(chosen, exact) ? t("selection.large") : "",
      ].join(" "),
      answers: [
        { value: false, label: t("cancel") },
        { value: true, label: t("delete"), kind: "danger" },
      ],
    });
    if (sure) remove(library, chosen, exact);
  });
  const Shown = asked && DIALOGS[asked.name];
  const button = (name, icon, act, kind = "") => html`<button class=${`button plain ${kind}`} disabled=${isBusy || chosen.isFinding} onClick=${act}>
    <${Icon} name=${icon} /><span>${t(`selection.${name}`)}</span>
  </button>`;
  return html`<div class="selection" role="toolbar" aria-label=${t("selection.bar")}>
    <button class="button plain" aria-label=${t("selection.end")} title=${t("selection.end")} onClick=${end}><${Icon} name="close" /></button>
    <h1><span role="status">${chosen.isFinding ? t("loading") : t(isExact ? "selection.count" : "selection.count.least", { count })}</span></h1>
    ${!chosen.isAll &&
    chosen.files.size < listing.count &&
    html`<button class="button plain" onClick=${() => library.store.set({ selection: chosen.constructor.all(chosen.key) })}>
      ${t(listing.exact ? "selection.all" : "selection.all.least", { count: listing.count })}
    </button>`}
    <div class="actions">
      ${mayWrite && Object.keys(DIALOGS).map((name) => button(name, ICONS[name], counted((exact) => setAsked({ name, count: exact }))))}
      ${button("download", "download", save)} ${mayWrite && button("delete", "trash", ask, "danger")}
    </div>
    ${Shown && html`<${Shown} chosen=${chosen} count=${asked.count} onClose=${() => setAsked(null)} />`}
  </div>`;
}
