#!/usr/bin/env node
/** `npx strapi-tada-backfill`, in the folder of an app. */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { backfill } from './backfill.js'
import { PROVIDER } from './plugin.js'

const HELP = `Usage: strapi-tada-backfill [--dry-run]

Uploads what is in public/uploads to TADA, and gives the files in Strapi their new addresses.
Files on the disk stay. It can be stopped and run again at any time.`

async function main() {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const { compileStrapi, createStrapi } = createRequire(join(process.cwd(), 'package.json'))('@strapi/strapi')
  const strapi = await createStrapi(await compileStrapi()).load()
  if (strapi.config.get('plugin::upload.provider') !== PROVIDER) {
    console.error(`The app does not use ${PROVIDER} yet: set it in config/plugins first.`)
    return 2
  }
  const isDryRun = Boolean(values['dry-run'])
  const { done, failed, isWhole } = await backfill(strapi, { isDryRun, say: console.log })
  console.log(`${done} ${isDryRun ? 'would be brought' : 'brought'}, ${failed.length} failed`)
  if (!isWhole) console.error('TADA does not answer. Run this again when it does: what is done stays done.')
  await strapi.destroy()
  return failed.length ? 1 : 0
}

process.exit(await main())
