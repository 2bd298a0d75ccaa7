/** The sizes that Strapi calls formats, as addresses. Pure. */

import { url } from '#tada-media'

/** The box of Strapi's own thumbnails. */
const THUMBNAIL = [245, 156]
/** Strapi's own breakpoints, for an app that has not set `breakpoints`. */
const BREAKPOINTS = { large: 1000, medium: 750, small: 500 }
/** An SVG has no sizes in Strapi. */
const RESIZED = /^image\/(?!svg)/

/**
 * Return `formats` of a file: the same names and sizes as Strapi's own, each with the address that TADA draws it under.
 *
 * As in Strapi, a picture that fits into the box of a format does not have it.
 */
export function formatsOf(entry, file, breakpoints = BREAKPOINTS) {
  const { width, height } = file
  if (!width || !height || !RESIZED.test(entry.mimetype)) return undefined
  const boxes = Object.entries({ ...squares(breakpoints), thumbnail: THUMBNAIL })
  const kept = boxes.filter(([, [most, tallest]]) => width > most || height > tallest)
  if (!kept.length) return undefined
  return Object.fromEntries(kept.map(([key, box]) => [key, format(entry, file, key, box)]))
}

function format(entry, file, key, [width, height]) {
  const scale = Math.min(width / file.width, height / file.height)
  return {
    name: `${key}_${file.name}`,
    hash: `${key}_${file.hash}`,
    ext: '.webp',
    mime: 'image/webp',
    path: null,
    width: rounded(file.width * scale),
    height: rounded(file.height * scale),
    url: url(entry.base_url, entry.unique_name, { width, height, fit: 'contain' }),
  }
}

/** As TADA rounds: a half to the even number. */
function rounded(side) {
  const up = Math.round(side)
  return Math.max(1, side % 1 === 0.5 && up % 2 ? up - 1 : up)
}

const squares = (breakpoints) =>
  Object.fromEntries(Object.entries(breakpoints).map(([key, side]) => [key, [side, side]]))
