// What is selected: some files, or all that a search finds but some. A selection is replaced as a whole. Pure.
import { searched } from "../../address.js";

// What is known of a selected file: enough to name it, and to undo what is done with it.
const KNOWN = ["uuid", "unique_name", "filename", "namespace", "destination", "tags", "title", "alt", "caption", "credit"];
const STATES = ["information", "expired", "expiration_date"];

export function fileOf(entry) {
  return Object.fromEntries([...KNOWN, ...STATES].map((name) => [name, entry[name]]));
}

export class Chosen {
  // `anchor` is where a range begins: {uuid, index}; `base` are the files that were selected before the range. While the
  // files of a range are being found, it `isFinding`.
  constructor({ key, files = new Map(), except = null, anchor = null, base = files, isFinding = false }) {
    Object.assign(this, { key, files, except, anchor, base, isFinding });
  }

  static all(key) {
    return new Chosen({ key, except: new Map() });
  }

  get isAll() {
    return this.except !== null;
  }

  has(uuid) {
    return this.isAll ? !this.except.has(uuid) : this.files.has(uuid);
  }

  // The number of files; `found` is how many the search finds.
  count(found) {
    return this.isAll ? Math.max(0, found - this.except.size) : this.files.size;
  }

  toggled(file, index) {
    const [name, before] = this.isAll ? ["except", this.except] : ["files", this.files];
    const after = new Map(before);
    if (!after.delete(file.uuid)) after.set(file.uuid, file);
    return new Chosen({ ...this, base: undefined, [name]: after, anchor: { uuid: file.uuid, index } });
  }

  // Return the selection with a range instead of the last one that began at the same place.
  withRange(files, anchor) {
    if (this.isAll) {
      const except = new Map(this.except);
      files.forEach(({ uuid }) => except.delete(uuid));
      return new Chosen({ ...this, except, anchor, isFinding: false });
    }
    const together = new Map([...this.base, ...files.map((file) => [file.uuid, file])]);
    return new Chosen({ ...this, files: together, anchor, isFinding: false });
  }

  finding(anchor) {
    return new Chosen({ ...this, anchor, isFinding: true });
  }

  without(uuids) {
    const files = new Map(this.files);
    uuids.forEach((uuid) => files.delete(uuid));
    return files.size || this.isAll ? new Chosen({ ...this, files, base: files }) : null;
  }
}

// What a view finds, in whatever order.
export function keyOf(view) {
  const said = searched(view);
  said.delete("sort");
  return said.toString();
}

const TRUTHS = ["recursive", "expired"];
const LISTS = ["tag", "type"];

// Return the search of a key as the body of a request has it. An action needs a condition, and all files have a date.
export function searchOf(key) {
  const given = new URLSearchParams(key);
  const found = {};
  for (const name of new Set(given.keys())) {
    if (LISTS.includes(name)) found[name] = given.getAll(name);
    else found[name] = TRUTHS.includes(name) ? given.get(name) === "true" : given.get(name);
  }
  return Object.keys(found).length ? found : { uploaded_after: "1970-01-01T00:00:00Z" };
}
