/** The fields of directus_files that are ours: read by everybody who may read files, written by the extension alone. */

import type { Context } from './directus.js'
import { FILES } from './state.js'

interface Made {
  field: string
  names: [english: string, german: string, french: string]
  type: string
  note: string
  interface: string
  display?: string
  options?: Record<string, unknown>
}

const LANGUAGES = ['en-US', 'de-DE', 'fr-FR']
const STATES = [
  { text: 'Waiting', value: 'waiting' },
  { text: 'Sent', value: 'sent' },
  { text: 'Refused', value: 'refused' },
  { text: 'Left out', value: 'left_out' },
]

const FIELDS: Made[] = [
  {
    field: 'tada_state',
    names: ['State in TADA', 'Zustand in TADA', 'État dans TADA'],
    type: 'string',
    note: 'Whether TADA has this file.',
    interface: 'select-dropdown',
    display: 'labels',
    options: { choices: STATES },
  },
  {
    field: 'tada_error',
    names: ['Why it is not there', 'Warum sie dort fehlt', 'Pourquoi il n’y est pas'],
    type: 'text',
    note: 'Why TADA does not have it.',
    interface: 'input',
  },
  {
    field: 'tada_url',
    names: ['Public address', 'Öffentliche Adresse', 'Adresse publique'],
    type: 'text',
    note: 'The public address of the file in TADA.',
    interface: 'input',
  },
  {
    field: 'tada_srcset',
    names: ['srcset', 'srcset', 'srcset'],
    type: 'text',
    note: 'The attribute srcset of the picture.',
    interface: 'input',
  },
  {
    field: 'tada_asset',
    names: ['Asset in TADA', 'Asset in TADA', 'Asset dans TADA'],
    type: 'json',
    note: 'The asset in TADA, to make other addresses.',
    interface: 'input-code',
  },
]

export const OURS = FIELDS.map(({ field }) => field)

/** Make the fields that are missing. */
export async function makeFields({ services, database, getSchema }: Context): Promise<void> {
  for (const { field, names, type, note, interface: shown, display, options } of FIELDS) {
    if (await database.schema.hasColumn(FILES, field)) continue
    const fields = new services['FieldsService']!({ schema: await getSchema(), knex: database })
    const meta = {
      interface: shown,
      display,
      options,
      display_options: options,
      note,
      translations: LANGUAGES.map((language, at) => ({ language, translation: names[at] })),
      readonly: true,
      width: 'full',
      hidden: false,
    }
    try {
      await fields.createField(FILES, { field, type, schema: {}, meta })
    } catch (error) {
      // Another process was faster.
      if (!(await database.schema.hasColumn(FILES, field))) throw error
    }
  }
}

/** Return what somebody writes without our fields. */
export function withoutOurs<T>(payload: T): T {
  if (typeof payload !== 'object' || payload === null || !OURS.some((name) => name in payload)) return payload
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !OURS.includes(name))) as T
}
