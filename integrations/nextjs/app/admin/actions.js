'use server'

import { revalidatePath } from 'next/cache'

import { media, product } from '../../lib/tada.js'

export async function remove(form) {
  const entry = await product(String(form.get('uuid')))
  if (entry) await media.delete(entry.uuid)
  revalidatePath('/admin')
}
