/** `directus tada status`, `backfill` and `retry`, for operators. */

import { textOf } from './failures.js'
import type { Files, Status } from './files.js'
import { SettingsError } from './settings.js'

interface Command {
  command(name: string): Command
  description(text: string): Command
  option(flags: string, text: string): Command
  action(handler: (options: Record<string, unknown>) => Promise<void>): Command
}

const REPORT_EACH = 2000
const UNFINISHED = 1

export function addCommands(program: Command, files: Files | SettingsError): void {
  const run =
    (what: (files: Files, options: Record<string, unknown>) => Promise<void>) =>
    async (options: Record<string, unknown>) => {
      try {
        if (files instanceof SettingsError) throw files
        await what(files, options)
      } catch (error) {
        process.stderr.write(`${textOf(error)}\n`)
        process.exit(UNFINISHED)
      }
    }
  const tada = program.command('tada').description('Files of Directus in TADA')
  tada
    .command('status')
    .description('How many files are in TADA, wait, or were refused')
    .action(
      run(async (files) => {
        say(await files.status())
        process.exit(0)
      }),
    )
  tada
    .command('backfill')
    .description('Send the files that were in Directus before this extension. Can be stopped and begun again')
    .option('--again', 'compare what was sent with TADA, too: after TADA was restored, or has another address')
    .action(
      run(async (files, { again }) => {
        await files.backfill(again === true)
        await finish(files)
      }),
    )
  tada
    .command('retry')
    .description('Try now what waits, and what TADA has refused')
    .action(
      run(async (files) => {
        await files.retry()
        await finish(files)
      }),
    )
}

/** Work beside the server until nothing is due, and say how far it is. */
async function finish(files: Files): Promise<never> {
  const report = setInterval(() => void files.status().then(say), REPORT_EACH)
  await files.finish()
  clearInterval(report)
  const status = await files.status()
  say(status)
  process.exit(status.problem || status.waiting ? UNFINISHED : 0)
}

function say({ sent, waiting, refused, left_out, not_asked, problem }: Status): void {
  process.stdout.write(
    `sent ${sent}, waiting ${waiting}, refused ${refused}, left out ${left_out}, not asked for ${not_asked}\n`,
  )
  if (problem) process.stdout.write(`Files wait: ${problem}\n`)
}
