import Image from 'next/image'
import { blurhashUrl, picture, withAddresses } from 'tada-media'

import { isSigned, signedForPage } from '../lib/tada.js'

const SIZES = '(min-width: 60em) 30vw, (min-width: 36em) 46vw, 92vw'

/** A picture of a product. The first ones of a page are fetched at once, the others when they come near. */
export function ProductPicture({ entry, isFirst }) {
  const Picture = isSigned ? SignedPicture : LoadedPicture
  return <Picture entry={entry} isFirst={isFirst} />
}

function LoadedPicture({ entry, isFirst }) {
  const placeholder = entry.blurhash
    ? { placeholder: 'blur', blurDataURL: blurhashUrl(entry.blurhash) }
    : { placeholder: 'empty' }
  return (
    <Image
      src={entry.versioned_url}
      alt={entry.alt ?? ''}
      width={entry.width ?? 1200}
      height={entry.height ?? 900}
      sizes={SIZES}
      preload={isFirst}
      style={{ backgroundColor: entry.dominant_color ?? undefined }}
      {...placeholder}
    />
  )
}

/** The loader of next/image runs in browsers too, where no key may be. So the server signs all addresses. */
async function SignedPicture({ entry, isFirst }) {
  const options = { sizes: SIZES, loading: isFirst ? 'eager' : 'lazy' }
  const { img, background } = await withAddresses(picture(entry.base_url, entry, options), (address) =>
    signedForPage(entry.base_url, address),
  )
  const { srcset, ...attributes } = img
  const image = background.image && `url("${background.image}")`
  return <img {...attributes} srcSet={srcset} style={{ backgroundColor: background.color, backgroundImage: image }} />
}
