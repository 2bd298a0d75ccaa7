/** What an editor is told when TADA refuses something. */

import utils from '@strapi/utils'
import { TadaError } from '#tada-media'

const { ApplicationError, PayloadTooLargeError } = utils.errors

/** Do something with TADA; what goes wrong becomes an error that Strapi shows to the editor. */
export async function told(what, action) {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof TadaError)) throw error
    const { Kind, message, isForOperators } = explained(what, error)
    if (isForOperators) strapi.log.error(`TADA: ${what}: ${error.status} ${error.message} ${error.hint ?? ''}`)
    throw new Kind(message, { code: error.code })
  }
}

/** Return how an error is shown. What 401, 403 and 5xx say is for operators: it is in the log instead. */
export function explained(what, { status, message, hint }) {
  if (status === 0 || status >= 500) {
    return operators(`${what}: the media service does not answer. Try again in a moment.`)
  }
  if (status === 401 || status === 403) {
    return operators(`${what}: the media service does not accept Strapi. Tell your administrator.`)
  }
  const Kind = status === 413 ? PayloadTooLargeError : ApplicationError
  return { Kind, message: `${what}: ${message}${hint ? ` ${hint}` : ''}`, isForOperators: false }
}

const operators = (message) => ({ Kind: ApplicationError, message, isForOperators: true })
