import { ProductPicture } from '../components/product-picture.js'
import { products } from '../lib/tada.js'

// A product is there as soon as it is uploaded.
export const dynamic = 'force-dynamic'

const ABOVE_THE_FOLD = 3
const price = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

export default async function Shop() {
  const found = await products()
  if (!found.length) return <p>There is nothing to buy yet. The admin page brings the first product.</p>
  return (
    <ul className="products">
      {found.map((entry, at) => (
        <li key={entry.uuid}>
          <ProductPicture entry={entry} isFirst={at < ABOVE_THE_FOLD} />
          <h2>{entry.title ?? entry.filename}</h2>
          {entry.caption && <p>{entry.caption}</p>}
          <p className="buy">
            {Number.isFinite(entry.meta.price) && <strong>{price.format(entry.meta.price)}</strong>}
            <a href={`/download/${entry.uuid}`}>Download the picture</a>
          </p>
        </li>
      ))}
    </ul>
  )
}
