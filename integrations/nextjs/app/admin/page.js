import { products } from '../../lib/tada.js'
import { remove } from './actions.js'
import { Uploader } from './uploader.js'

export const dynamic = 'force-dynamic'

export default async function Admin() {
  return (
    <>
      <h1>Products</h1>
      <Uploader />
      <ul>
        {(await products()).map((entry) => (
          <li key={entry.uuid}>
            <form action={remove}>
              <input type="hidden" name="uuid" value={entry.uuid} />
              {entry.title ?? entry.filename}{' '}
              <button aria-label={`Delete ${entry.title ?? entry.filename}`}>Delete</button>
            </form>
          </li>
        ))}
      </ul>
    </>
  )
}
