import { downloadOf, product } from '../../../lib/tada.js'

/** Lead to the whole picture. A real shop asks here whether it was paid for. */
export async function GET(_request, { params }) {
  const entry = await product((await params).uuid)
  if (!entry) return new Response('There is no such product.', { status: 404 })
  const headers = { Location: await downloadOf(entry), 'Cache-Control': 'no-store' }
  return new Response(null, { status: 303, headers })
}
