/** `/tada/…`: the commands for administrators, and what the picker needs. */

import type { Accountability, Context, Response, Router } from './directus.js'
import { SettingsError } from './settings.js'
import { filesOf } from './shared.js'

export default {
  id: 'tada',
  handler(router: Router, context: Context): void {
    const files = filesOf(context)
    const refuse = (response: Response, status: number, message: string) =>
      response
        .status(status)
        .json({ errors: [{ message, extensions: { code: status === 403 ? 'FORBIDDEN' : 'SERVICE_UNAVAILABLE' } }] })
    const isAdmin = (who?: Accountability | null) => who?.admin === true

    router.get('/status', async ({ accountability }, response, next) => {
      if (!isAdmin(accountability)) return refuse(response, 403, 'Only administrators may see this.')
      if (files instanceof SettingsError) return refuse(response, 503, files.message)
      await files.status().then((data) => response.json({ data }), next)
    })
    router.post('/backfill', async ({ accountability, body }, response, next) => {
      if (!isAdmin(accountability)) return refuse(response, 403, 'Only administrators may do this.')
      if (files instanceof SettingsError) return refuse(response, 503, files.message)
      await files
        .backfill(body?.['again'] === true)
        .then(() => files.status())
        .then((data) => {
          response.status(202).json({ data })
          void files.work()
        }, next)
    })
    router.post('/retry', async ({ accountability }, response, next) => {
      if (!isAdmin(accountability)) return refuse(response, 403, 'Only administrators may do this.')
      if (files instanceof SettingsError) return refuse(response, 503, files.message)
      await files
        .retry()
        .then(() => files.status())
        .then((data) => {
          response.status(202).json({ data })
          void files.work()
        }, next)
    })
    // TADA_PICKER_TOKEN is for those who work in the Data Studio. TADA_TOKEN never leaves the server.
    router.get('/picker', async ({ accountability }, response) => {
      if (!accountability?.user || !accountability.app) return refuse(response, 403, 'Log in to the Data Studio.')
      if (files instanceof SettingsError) return refuse(response, 503, files.message)
      const { libraryUrl, pickerToken, namespace } = files.settings
      if (!libraryUrl)
        return refuse(response, 503, 'TADA_LIBRARY_URL is missing: the library of TADA, as browsers reach it.')
      response.set('Cache-Control', 'no-store').json({ data: { library: libraryUrl, token: pickerToken, namespace } })
    })
  },
}
