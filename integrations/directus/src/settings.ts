/** Settings, from the environment of Directus. Pure. */

export interface Settings {
  /** The internal entry, as Directus reaches it. */
  url: string
  token: string
  namespace: string
  destination: string
  /** Folders whose files go, with those below; empty for all. Each is an id, or a path of names. */
  folders: string[]
  foldersLeftOut: string[]
  widths: number[]
  signingKey: string
  concurrency: number
  schedule: string
  /** The library as browsers reach it. */
  libraryUrl: string
  pickerToken: string
}

export class SettingsError extends Error {}

const CONCURRENCY_MAX = 32
/** The shortest key that TADA signs with. */
const KEY_LENGTH_MIN = 32

/** Return the settings; throws SettingsError for what cannot work. Directus makes numbers and lists of some values. */
export function settingsOf(env: Record<string, unknown>): Settings {
  const url = address(env, 'TADA_URL')
  if (!url) throw new SettingsError('TADA_URL is missing: the internal entry of TADA, such as http://tada:3001.')
  const namespace = text(env, 'TADA_NAMESPACE')
  if (!namespace) throw new SettingsError('TADA_NAMESPACE is missing: the namespace that the files go to.')
  const settings = {
    url,
    token: text(env, 'TADA_TOKEN'),
    namespace,
    destination: (text(env, 'TADA_DESTINATION') || 'directus').replace(/^\/+|\/+$/g, ''),
    folders: list(env, 'TADA_FOLDERS'),
    foldersLeftOut: list(env, 'TADA_FOLDERS_LEFT_OUT'),
    widths: list(env, 'TADA_WIDTHS').map((each) => positive('TADA_WIDTHS', each)),
    signingKey: text(env, 'TADA_URL_SIGNING_KEY'),
    concurrency: positive('TADA_CONCURRENCY', text(env, 'TADA_CONCURRENCY') || '4', CONCURRENCY_MAX),
    schedule: text(env, 'TADA_SCHEDULE') || '* * * * *',
    libraryUrl: address(env, 'TADA_LIBRARY_URL'),
    pickerToken: text(env, 'TADA_PICKER_TOKEN'),
  }
  if (!settings.destination) throw new SettingsError('TADA_DESTINATION must be a folder of its own, not the root.')
  if (settings.signingKey && settings.signingKey.length < KEY_LENGTH_MIN)
    throw new SettingsError(`TADA_URL_SIGNING_KEY has less than ${KEY_LENGTH_MIN} characters.`)
  if (settings.pickerToken && settings.pickerToken === settings.token)
    throw new SettingsError('TADA_PICKER_TOKEN is given to browsers, so it must not be TADA_TOKEN.')
  return settings
}

const text = (env: Record<string, unknown>, name: string) => String(env[name] ?? '').trim()

function list(env: Record<string, unknown>, name: string): string[] {
  const value = env[name]
  const parts = Array.isArray(value) ? value : text(env, name).split(',')
  return parts.map((part) => String(part).trim()).filter(Boolean)
}

function address(env: Record<string, unknown>, name: string): string {
  const value = text(env, name).replace(/\/+$/, '')
  if (value && !/^https?:\/\/[^/]+/.test(value))
    throw new SettingsError(`${name} is '${value}', which is no address such as http://tada:3001.`)
  return value
}

function positive(name: string, value: string, most = 16383): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most)
    throw new SettingsError(`${name} is '${value}'; a number from 1 to ${most} is expected.`)
  return number
}
