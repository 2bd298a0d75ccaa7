/** The one Files of a process, for the hook, the command and the endpoint. */

import type { Context } from './directus.js'
import { Files } from './files.js'
import { settingsOf, SettingsError } from './settings.js'

let made: Files | SettingsError | null = null

/** Return it, or what is wrong with the settings. */
export function filesOf(context: Context): Files | SettingsError {
  if (made) return made
  try {
    made = new Files(context, settingsOf(context.env))
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    made = error
  }
  return made
}
