/** The upload provider: what Strapi calls to store, replace and delete files. */

import { openAsBlob } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import utils from '@strapi/utils'
import { sign, Tada, TadaError } from '#tada-media'

import { told } from './errors.js'
import { asForm, fieldsOf } from './fields.js'
import { formatsOf } from './formats.js'
import { baseOf, uuidOf } from './identity.js'
import { endOf, settingsOf } from './settings.js'

const { kbytesToBytes, bytesToHumanReadable } = utils.file

/** How long a picture is waited for until its size is known: Strapi keeps it, and knows nothing of turned photographs. */
const FACTS_WITHIN = 20000
const FACTS_EVERY = 100

const NO_PLUGIN =
  'TADA: Strapi has not loaded the plugin of this provider. strapi-provider-upload-tada must be in the dependencies of ' +
  'package.json, and the plugin tada must not be disabled in config/plugins.'

export function init(options) {
  const settings = settingsOf(options)
  // Without it, Strapi would code pictures anew, and turned photographs would lie on their side.
  if (!strapi.plugin('tada')) throw new Error(NO_PLUGIN)
  const media = new Tada(settings.url, { token: settings.token })
  const place = { namespace: settings.namespace, ...(settings.destination && { destination: settings.destination }) }

  /** Store a file under its hash, which Strapi makes unique and keeps when the file is replaced. */
  const upload = (file) =>
    told(`${file.name} was not stored`, async () => {
      const entry = await media.upload(await bytesOf(file), {
        filename: file.hash,
        fields: { ...place, ...asForm(fieldsOf(file)) },
        // The same file under the same hash is what an upload has left whose answer was lost.
        onConflict: 'skip',
        wait: 'facts',
        resumable: false,
      })
      show(file, await withFacts(media, entry))
    })

  const replace = async (file, old) => {
    const uuid = uuidOf(old)
    const replaced = await told(`${file.name} was not replaced`, async () => {
      const bytes = await bytesOf(file)
      const fields = asForm(fieldsOf(file))
      const entry = await unlessGone(() => media.replace(uuid, bytes, { filename: file.hash, fields }))
      return entry && withFacts(media, entry)
    })
    if (!replaced) return upload(file)
    show(file, replaced)
  }

  return {
    upload,
    uploadStream: upload,
    replace,
    replaceStream: replace,

    /** Delete the asset of a file. A format is an address, and goes with its file. */
    async delete(file) {
      const uuid = uuidOf(file)
      if (!uuid) return
      await told(`${file.name} was not deleted`, () => unlessGone(() => media.delete(uuid)))
    },

    checkFileSize(file, { sizeLimit } = {}) {
      if (!sizeLimit || (file.sizeInBytes ?? kbytesToBytes(file.size)) <= sizeLimit) return
      throw new utils.errors.PayloadTooLargeError(
        `${file.name} exceeds size limit of ${bytesToHumanReadable(sizeLimit)}.`,
      )
    },

    isPrivate: () => Boolean(settings.signingKey),

    async getSignedUrl({ url }) {
      const base = baseOf(url)
      if (!base) return { url }
      return { url: await sign(base, url, settings.signingKey, endOf(Date.now(), settings.signedFor)) }
    },

    /** Bring changed texts of a file to its asset; for the plugin. */
    async change({ file, fields }) {
      const uuid = uuidOf(file)
      const known = await told(`${file.name} was not changed`, () => unlessGone(() => media.change(uuid, fields)))
      if (!known) strapi.log.warn(`TADA: ${file.name} (${uuid}) is not in the media service any more.`)
    },
  }
}

/** Write what TADA says of an asset into the file of Strapi. */
function show(file, entry) {
  const { uuid, unique_name, blurhash, dominant_color } = entry
  if (entry.width && entry.height) Object.assign(file, { width: entry.width, height: entry.height })
  file.url = entry.public_url
  file.formats = formatsOf(entry, file, strapi.config.get('plugin::upload.breakpoints'))
  file.provider_metadata = { uuid, unique_name, blurhash, dominant_color }
}

/** Return the bytes of a file without reading it into memory, where Strapi has it on disk. */
async function bytesOf({ filepath, stream, buffer: bytes, mime }) {
  // A picture is what its bytes say. Browsers save many a WebP under the name of a JPEG.
  const type = mime.startsWith('image/') ? '' : mime
  if (filepath) {
    stream?.destroy()
    return openAsBlob(filepath, { type })
  }
  return new Blob([bytes ?? (await buffer(stream))], { type })
}

/** Return an entry with the size of its picture, if it is known in time. */
async function withFacts(media, entry) {
  if (!entry.mimetype.startsWith('image/')) return entry
  for (const end = Date.now() + FACTS_WITHIN; entry.width === null && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, FACTS_EVERY))
    entry = await media.get(entry.uuid)
  }
  if (entry.width === null) strapi.log.warn(`TADA: the size of ${entry.unique_name} is not known yet. Does jobs run?`)
  return entry
}

/** Return undefined if the asset is gone: somebody has deleted it in TADA. */
async function unlessGone(action) {
  try {
    return await action()
  } catch (error) {
    if (error instanceof TadaError && error.status === 404) return undefined
    throw error
  }
}
