// The trash: deleted files, which can be brought back for a while.
import { useEffect, useState } from "preact/hooks";
import { read, request } from "../api.js";
import { html } from "../html.js";
import { bytes, date, explained, t } from "../texts.js";
import { useLibrary, useModal } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { Picture } from "../views/tile.js";
import { bringBack } from "./removing.js";

const PAGE = 50;
const BOX = { width: 44, height: 44 };

export function Trash({ onClose }) {
  const library = useLibrary();
  const dialog = useModal();
  const [found, setFound] = useState({ entries: [], next: "", isLoaded: false, failure: null });
  const load = async (cursor = "") => {
    const query = new URLSearchParams({ limit: PAGE });
    if (cursor) query.append("cursor", cursor);
    try {
      const { data, next } = await read("catalog/trash", { query });
      setFound((before) => ({ entries: [...before.entries, ...data], next, isLoaded: true, failure: null }));
    } catch (failure) {
      setFound((before) => ({ ...before, failure, isLoaded: true }));
    }
  };
  useEffect(() => {
    load();
  }, []);
  const leaveOut = (id) => setFound((before) => ({ ...before, entries: before.entries.filter((one) => one.id !== id) }));
  const restore = async ({ id }) => (await bringBack(library, id)) && leaveOut(id);
  const end = async ({ id, filename }) => {
    const answers = [
      { value: false, label: t("cancel") },
      { value: true, label: t("trash.end"), kind: "danger" },
    ];
    if (!(await library.ask({ title: t("delete.title", { name: filename }), text: t("delete.forever"), answers }))) return;
    try {
      await request("DELETE", `catalog/trash/${id}`);
      leaveOut(id);
    } catch (error) {
      library.complain(error);
    }
  };
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog class="dialog trash" ref=${dialog} aria-labelledby="trash-title" onCancel=${onCancel}>
    <header>
      <h2 id="trash-title">${t("trash")}</h2>
      <button class="button plain" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>
    </header>
    ${found.failure && html`<p role="alert">${explained(found.failure).text}</p>`}
    ${found.isLoaded && found.entries.length === 0 && !found.failure && html`<p>${t("trash.empty")}</p>`}
    <ul>
      ${found.entries.map(
        (entry) => html`<li key=${entry.id}>
          <div class="mat"><${Picture} entry=${{ ...entry, expired: true }} box=${BOX} size="row" assets="" /></div>
          <div class="what">
            <b title=${entry.unique_name}>${entry.unique_name}</b>
            <small>${bytes(entry.size)} · ${t("trash.until", { date: date(entry.ends_date, true) })}</small>
          </div>
          ${library.may("write", entry.namespace) &&
          html`<button class="button" aria-label=${t("trash.restore", { name: entry.filename })} onClick=${() => restore(entry)}>
              ${t("restore")}
            </button>
            <button
              class="button plain"
              aria-label=${t("trash.end.of", { name: entry.filename })}
              title=${t("trash.end")}
              onClick=${() => end(entry)}
            ><${Icon} name="trash" /></button>`}
        </li>`,
      )}
    </ul>
    ${found.next && html`<button class="button" onClick=${() => load(found.next)}>${t("more")}</button>`}
  </dialog>`;
}
