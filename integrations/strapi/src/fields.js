/** What Strapi says of a file, as fields of TADA. Pure. */

/** By field of Strapi: what it is in TADA, as JSON. */
const FIELDS = {
  name: (value) => ({ title: value ?? null }),
  alternativeText: (value) => ({ alt: value ?? null }),
  caption: (value) => ({ caption: value ?? null }),
  focalPoint: (value) => ({
    focus_x: value ? value.x / 100 : null,
    focus_y: value ? value.y / 100 : null,
  }),
}

/** Return the fields of those that a file has. */
export function fieldsOf(file) {
  const had = Object.keys(FIELDS).filter((key) => file[key] !== undefined)
  return Object.assign({}, ...had.map((key) => FIELDS[key](file[key])))
}

/** Return the fields in which a file of Strapi becomes another one; nothing if TADA has nothing to know of it. */
export function changedFields(before, after) {
  const now = fieldsOf(after)
  const then = fieldsOf(before)
  return Object.fromEntries(Object.entries(now).filter(([key, value]) => value !== (then[key] ?? null)))
}

/** Return fields as those of a form, where an empty text is none. */
export function asForm(fields) {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value === null ? '' : `${value}`]))
}
