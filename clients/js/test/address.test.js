import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { AddressError, form, parse, url } from '../dist/address.js'
import { sign } from '../dist/sign.js'

const VECTORS = join(import.meta.dirname, '../../vectors')
const vectors = (name) => JSON.parse(readFileSync(join(process.env.VECTORS ?? VECTORS, `${name}.json`)))

function holds(row, result, made) {
  if (!row.refused) return assert.equal(made(), row[result])
  assert.throws(made, (error) => error instanceof AddressError && error.argument === row.refused)
}

for (const row of vectors('addresses')) {
  test(`address: ${row.case} ${row.name} ${JSON.stringify(row.wanted)}`, () => {
    holds(row, 'address', () => url(row.base, row.name, row.wanted))
  })
}

for (const row of vectors('forms')) {
  test(`form: ${row.case} ${row.address}`, () => holds(row, 'form', () => form(row.base, row.address)))
}

for (const row of vectors('signatures')) {
  test(`signature: ${row.case} ${row.address}`, async () => {
    assert.equal(await sign(row.base, row.address, row.key, row.expires ?? undefined), row.signed)
  })
}

test('what is read of an address makes the same address', () => {
  const rows = vectors('addresses').filter((row) => row.address)
  assert.ok(rows.length > 80)
  for (const row of rows) {
    const base = row.base.replace(/\/$/, '')
    const { name, wanted } = parse(base, row.address)
    assert.equal(url(base, name, wanted), row.address)
  }
})

test('an address on full is read as the same size', () => {
  const base = 'https://media.example.com/assets/media'
  const read = parse(base, `${base}/full/DEV/cat.webp?width=200&quality=80&download=Gr%C3%BC%C3%9Fe#part`)
  assert.deepEqual(read, { name: '/DEV/cat.webp', wanted: { width: 200, quality: 80, download: 'Grüße' } })
})

test('what is no value of a number is refused', () => {
  for (const width of [NaN, Infinity, 1e21, '12px', {}, []]) {
    if (Array.isArray(width)) continue
    assert.throws(() => url('/assets/media', '/DEV/cat.webp', { width }), AddressError)
  }
  assert.throws(() => url('/assets/media', '/DEV/cat.webp', { format: 'constructor' }), AddressError)
  assert.throws(() => url('/assets/media', '/DEV/cat.webp', { sizes: 5 }), AddressError)
})
