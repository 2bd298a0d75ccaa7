/** Which folders of Directus go to TADA, where everybody can see their files. Pure. */

import { SettingsError, type Settings } from './settings.js'

export interface Folder {
  id: string
  name: string
  parent: string | null
}

/** Says of the folder of a file, null for none, whether it goes. */
export type Goes = (folder: string | null) => boolean

/**
 * Return which folders go, with those below them.
 *
 * Throws SettingsError if a setting names a folder that is not there, perhaps because somebody renamed it: then nothing
 * may be sent, or what must stay private would go.
 */
export function goingFolders(folders: readonly Folder[], settings: Pick<Settings, 'folders' | 'foldersLeftOut'>): Goes {
  const byId = new Map(folders.map((folder) => [folder.id, folder]))
  const wanted = new Set(settings.folders.map((name) => found('TADA_FOLDERS', name, folders, byId)))
  const leftOut = new Set(settings.foldersLeftOut.map((name) => found('TADA_FOLDERS_LEFT_OUT', name, folders, byId)))
  return (folder) => {
    const line = ancestry(folder, byId)
    if (line.some((id) => leftOut.has(id))) return false
    return wanted.size === 0 || line.some((id) => wanted.has(id))
  }
}

/** The files that are in no folder. */
const ROOT = '/'

function found(setting: string, name: string, folders: readonly Folder[], byId: Map<string, Folder>): string {
  if (name === ROOT) return ROOT
  const path = name.replace(/^\/+|\/+$/g, '')
  const matching = folders.filter(({ id }) => id === path.toLowerCase() || pathOf(id, byId) === path)
  if (matching.length === 1) return matching[0]!.id
  const why = matching.length ? 'is the path of several folders: name its id' : 'is no folder of Directus'
  throw new SettingsError(`${setting}: '${name}' ${why}. Nothing is sent until this is right.`)
}

const pathOf = (id: string, byId: Map<string, Folder>) =>
  ancestry(id, byId)
    .map((each) => byId.get(each)?.name)
    .reverse()
    .join('/')

/** The folder and those above it; for files in no folder the root alone. */
function ancestry(folder: string | null, byId: Map<string, Folder>): string[] {
  if (folder === null) return [ROOT]
  const line: string[] = []
  for (let id: string | null = folder; id !== null && !line.includes(id); id = byId.get(id)?.parent ?? null)
    line.push(id)
  return line
}
