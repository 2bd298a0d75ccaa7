// Moving what happens to an entry to another day, and taking that back.
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { lookAndWrite } from "../condition.js";
import { dayIn, dayOf, onDay } from "./days.js";
import { day as shown } from "./dates.js";
import { KINDS } from "./schedule.js";

// Move an entry to another day, at the same time of the day.
export async function move(library, entry, kind, day) {
  const { field } = KINDS[kind];
  const before = entry[field];
  if (dayOf(before) === day) return;
  const after = onDay(before, day);
  const moved = await write(library, entry.uuid, field, before, after);
  if (!moved) return;
  const undo = async () => {
    if (await write(library, entry.uuid, field, after, before)) library.say(t("calendar.undone", { name: entry.filename }));
  };
  library.say(t(`calendar.moved.${kind}`, { name: entry.filename, day: shown(day) }), {
    more: isNever(moved) ? t("calendar.never") : "",
    action: { label: t("undo"), act: undo },
  });
}

// Set a date if it still is what the reader has seen. Return the entry, or null if it is not set.
async function write(library, uuid, field, before, after) {
  const path = `catalog/${encodeURIComponent(uuid)}`;
  try {
    return await lookAndWrite(async (asRead) => {
      const { data, etag } = await read(path);
      const [now] = data;
      if (isSame(now[field], before)) {
        const [written] = (await request("PATCH", path, { json: { [field]: after }, headers: asRead(etag) })).data;
        library.noteEntry(written);
        return written;
      }
      library.say(t("calendar.changed", { name: now.filename }), { kind: "error" });
      return null;
    });
  } catch (error) {
    if (error.status === 404) library.noteGone(uuid);
    library.complain(error);
  } finally {
    // The details and the calendar look again.
    for (const name of [uuid, "any"]) library.changes.dispatchEvent(new Event(name));
  }
  return null;
}

// Whether an entry expires before it becomes visible.
const isNever = (entry) => Boolean(entry.expiration_date) && Date.parse(entry.visible_from) >= Date.parse(entry.expiration_date);

const isSame = (one, other) => Date.parse(one) === Date.parse(other);

// Ask to which day an entry is to be moved, and move it there.
export async function askAndMove(library, entry, kind) {
  let chosen = dayOf(entry[KINDS[kind].field]);
  const body = html`<label class="calendar-day">
    ${t(`calendar.day.${kind}`)}
    <input type="date" value=${chosen} onInput=${(event) => { chosen = event.target.value; }} />
  </label>`;
  const sure = await library.ask({
    title: t("calendar.move.title", { name: entry.filename }),
    text: t("calendar.move.text"),
    body,
    answers: [
      { value: false, label: t("cancel") },
      { value: true, label: t("calendar.move"), kind: "primary" },
    ],
  });
  if (sure && dayIn(chosen)) await move(library, entry, kind, chosen);
}
