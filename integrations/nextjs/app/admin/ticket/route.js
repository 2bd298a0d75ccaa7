import { ticket } from '../../../lib/tada.js'

export async function POST() {
  return Response.json(await ticket())
}
