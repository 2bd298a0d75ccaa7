// What somebody types into the form of an entry, and how it goes together with what others have changed. Pure.

export const FIELDS = [
  "title",
  "alt",
  "caption",
  "credit",
  "tags",
  "information",
  "external_id",
  "expired",
  "expiration_date",
  "visible_from",
  "focus_x",
  "focus_y",
];
const DATES = ["expiration_date", "visible_from"];
const FOCUS = ["focus_x", "focus_y"];
const SEPARATOR = "\n";

const two = (number) => String(number).padStart(2, "0");

// Return a date as a field of a form has it: in the time of the reader, to the minute.
export function localTime(text) {
  if (!text) return "";
  const date = new Date(text);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

// Return the fields of an entry as texts.
export function written(entry) {
  const texts = {};
  for (const name of FIELDS) {
    if (name === "tags") texts.tags = entry.tags.join(SEPARATOR);
    else if (name === "expired") texts.expired = entry.expired ? "true" : "";
    else if (DATES.includes(name)) texts[name] = localTime(entry[name]);
    else texts[name] = entry[name] === null ? "" : String(entry[name]);
  }
  return texts;
}

export const tagsOf = (text) => text.split(SEPARATOR).filter(Boolean);
export const textOf = (tags) => [...new Set(tags)].join(SEPARATOR);

export function changed(base, form) {
  return FIELDS.filter((name) => base[name] !== form[name]);
}

// Return the body of the request that saves what is changed. A focal point is sent as a whole.
export function body(base, form) {
  const names = new Set(changed(base, form));
  if (FOCUS.some((name) => names.has(name))) FOCUS.forEach((name) => names.add(name));
  return Object.fromEntries([...names].map((name) => [name, value(name, form[name])]));
}

function value(name, text) {
  if (name === "tags") return tagsOf(text);
  if (name === "expired") return text === "true";
  if (!text.trim()) return null;
  if (DATES.includes(name)) return new Date(text).toISOString();
  return FOCUS.includes(name) ? Number(text) : text;
}

// Put what is there now below a form. A field that was not touched follows; one that both have changed is a clash, for
// which the base stays. A focal point is one value: half of each would be a point that nobody has chosen.
export function rebased(base, form, now) {
  const next = { base: { ...base }, form: { ...form }, clashes: [], followed: [] };
  for (const name of FIELDS) {
    const names = FOCUS.includes(name) ? FOCUS : [name];
    const are = (one, other) => names.every((each) => one[each] === other[each]);
    if (are(now, base)) continue;
    if (are(form, base)) {
      if (now[name] !== base[name]) next.followed.push(name);
    } else if (!are(form, now)) {
      next.clashes.push(name);
      continue;
    }
    next.base[name] = next.form[name] = now[name];
  }
  return next;
}

// Decide a clash: what is typed stays (`isMine`), or what somebody else has written is taken. Both are based on it then.
export function decided({ base, form }, name, theirs, isMine) {
  return { base: { ...base, [name]: theirs }, form: isMine ? form : { ...form, [name]: theirs } };
}
