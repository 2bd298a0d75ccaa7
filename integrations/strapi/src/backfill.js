/** Bring the files that Strapi has on its disk to TADA. A file is done when its row names this provider. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { PROVIDER } from './plugin.js'

const FILE = 'plugin::upload.file'
const AT_ONCE = 4

/** Bring all files; return how many are done and what went wrong. Ends early if TADA does not answer. */
export async function backfill(strapi, { isDryRun, say }) {
  const failed = []
  let done = 0
  for (let last = 0; ; ) {
    const rows = await strapi.db.query(FILE).findMany({
      where: { provider: 'local', id: { $gt: last } },
      orderBy: { id: 'asc' },
      limit: AT_ONCE,
    })
    if (!rows.length) return { done, failed, isWhole: true }
    last = rows.at(-1).id
    const results = await Promise.allSettled(rows.map((row) => bring(strapi, row, isDryRun)))
    for (const [at, { reason, value }] of results.entries()) {
      if (!reason) done++
      else failed.push(rows[at].name)
      say(reason ? `FAILED ${rows[at].url}: ${reason.message}` : `${rows[at].url} -> ${value}`)
    }
    if (results.some(({ reason }) => reason?.details?.code === 'network')) return { done, failed, isWhole: false }
  }
}

async function bring(strapi, row, isDryRun) {
  const path = join(strapi.dirs.static.public, row.url)
  if (!existsSync(path)) throw new Error('it is not on the disk')
  if (isDryRun) return 'TADA'
  const file = { ...row, filepath: path }
  await strapi.plugin('upload').provider.uploadStream(file)
  const { url, formats = null, width, height, provider_metadata } = file
  const data = { url, formats, width, height, provider_metadata, provider: PROVIDER }
  await strapi.db.query(FILE).update({ where: { id: row.id }, data })
  return url
}
