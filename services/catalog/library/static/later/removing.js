// Deleting an entry, and bringing it back from the trash.
import { request } from "../api.js";
import { t } from "../texts.js";
import { part } from "../views/context.js";

const PATIENCE = 800;

// Delete an entry, if the reader is sure. While the trash keeps it, that can be undone.
export async function remove(library, entry) {
  const days = library.state.about.trash_days;
  const sure = await library.ask({
    title: t("delete.title", { name: entry.filename }),
    text: days ? t("delete.trash", { count: days }) : t("delete.forever"),
    answers: [
      { value: false, label: t("cancel") },
      { value: true, label: t("delete"), kind: "danger" },
    ],
  });
  if (!sure) return;
  try {
    const { data, change } = await request("DELETE", `file/${entry.uuid}`);
    library.noteGone(entry.uuid);
    if (library.view.asset === entry.uuid) await library.go({ asset: "" }, { replace: true });
    const id = data[0]?.trash?.id;
    const action = id ? { label: t("undo"), act: () => bringBack(library, id) } : null;
    library.say(t("deleted", { name: entry.filename }), { action, more: await reached(change) });
    library.loadFolders("/");
  } catch (error) {
    library.complain(error);
  }
}

// Say how far the caches are with a change: nothing if that is not known.
async function reached(change) {
  const { told } = await part("made")();
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, ""));
  return Promise.race([told(change), late]);
}

// Bring back what is in the trash under an id; return whether it is there again.
export async function bringBack(library, id) {
  try {
    const { data } = await request("POST", `catalog/trash/${id}/restore`);
    library.say(t("restored", { name: data[0].filename }));
    await library.refresh();
    return true;
  } catch (error) {
    library.complain(error);
    return false;
  }
}
