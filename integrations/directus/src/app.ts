/** What Directus loads into the Data Studio. */

import picker from './picker.js'

export const interfaces = [picker]
export const displays = []
export const layouts = []
export const modules = []
export const panels = []
export const themes = []
export const operations = []
