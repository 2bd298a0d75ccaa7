/** `providerOptions` of config/plugins. Pure. */

const HELP = 'Set it in upload.config.providerOptions of config/plugins.'
const KEY_LENGTH = 32
const HOUR = 3600

/** Return the settings; throws an Error that says what is wrong, so that Strapi does not start half configured. */
export function settingsOf(options = {}) {
  const { url, token, namespace, destination, signingKey, signedFor = HOUR, ...unknown } = options
  const others = Object.keys(unknown)
  if (others.length) throw wrong(others[0], 'is no setting of TADA')
  if (!/^https?:\/\/[^/]/.test(url ?? '')) {
    throw wrong('url', 'must be the internal entry of TADA, such as http://media.internal:3001')
  }
  if (!namespace) throw wrong('namespace', 'must be the namespace of the files, such as DEV')
  if (signingKey && signingKey.length < KEY_LENGTH) {
    throw wrong('signingKey', `must be the first of URL_SIGNING_KEYS, which has ${KEY_LENGTH} characters or more`)
  }
  if (!Number.isInteger(+signedFor) || +signedFor < 1) throw wrong('signedFor', 'must be seconds, 1 or more')
  return { url, token: token || undefined, namespace, destination, signingKey, signedFor: +signedFor }
}

const wrong = (name, what) => new Error(`TADA: ${name} ${what}. ${HELP}`)

/**
 * Return when a signature ends, in seconds since 1970: between once and twice `seconds` from now, and the same for all
 * who ask within `seconds`, so that browsers find the address again in their cache.
 */
export const endOf = (now, seconds) => (Math.floor(now / 1000 / seconds) + 2) * seconds
