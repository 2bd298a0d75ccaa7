// Saving a focal point, and taking that back.
import { read, request } from "../../api.js";
import { t } from "../../texts.js";
import { lookAndWrite } from "../condition.js";

const pointOf = ({ focus_x, focus_y }) => ({ focus_x, focus_y });
const isSame = (one, other) => one.focus_x === other.focus_x && one.focus_y === other.focus_y;

// Save what was typed for an entry; a new focal point can be taken back.
export async function saveFocus(library, model) {
  const before = pointOf(model.entry);
  if (!(await model.save())) return;
  const { uuid, filename } = model.entry;
  const saved = pointOf(model.entry);
  const action = { label: t("undo"), act: () => takeBack(library, uuid, saved, before) };
  library.say(t(saved.focus_x === null ? "focus.removed" : "focus.saved", { name: filename }), { action });
}

// Set the point that was there before, unless somebody has set another one since.
async function takeBack(library, uuid, saved, before) {
  const path = `catalog/${encodeURIComponent(uuid)}`;
  try {
    await lookAndWrite(async (asRead) => {
      const { data, etag } = await read(path);
      const [now] = data;
      if (!isSame(now, saved)) {
        library.say(t("focus.undo.late", { name: now.filename }), { kind: "error" });
        return;
      }
      library.noteEntry((await request("PATCH", path, { json: before, headers: asRead(etag) })).data[0]);
      // The form follows.
      library.changes.dispatchEvent(new Event(uuid));
      library.say(t("focus.undone", { name: now.filename }));
    });
  } catch (error) {
    library.complain(error);
  }
}
