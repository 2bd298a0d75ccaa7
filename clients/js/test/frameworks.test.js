import assert from 'node:assert/strict'
import { test } from 'node:test'

import astro from '../dist/astro.js'
import { loader } from '../dist/next.js'
import nuxt from '../dist/nuxt.js'
import { extract, generate, transform } from '../dist/unpic.js'

const BASE = 'https://media.example.com/assets/media'
const CAT = '/DEV/cat.webp'
const SMALL = `${BASE}/optimise/200x0/DEV/cat.webp`
const PUBLIC = `${BASE}/full/DEV/cat.webp?v=8378025ad251`

test('next/image: names, addresses of entries, and pictures of others', () => {
  const load = loader(BASE, { format: 'avif' })
  assert.equal(load({ src: CAT, width: 200, quality: 70 }), `${SMALL}?quality=70&format=avif`)
  assert.equal(load({ src: PUBLIC, width: 200 }), `${SMALL}?format=avif&v=8378025ad251`)
  for (const src of [
    '/_next/static/media/cat.1f2e3d.png',
    '/logo.png',
    'https://example.com/DEV/cat.webp',
    'data:,x',
  ]) {
    assert.equal(load({ src, width: 200 }), src)
  }
})

test('Nuxt Image: modifiers', () => {
  const { getImage } = nuxt()
  const url = (modifiers, src = CAT) => getImage(src, { baseURL: BASE, modifiers }).url
  assert.equal(url({ width: 200 }), SMALL)
  assert.equal(
    url({ width: 200, height: 100, fit: 'inside', quality: 70 }),
    `${BASE}/optimise/200x100/DEV/cat.webp?quality=70&fit=contain`,
  )
  assert.equal(url({ width: '200', crop: 'smart', background: 'red' }, PUBLIC), `${SMALL}?v=8378025ad251`)
  assert.equal(url({ preset: 'thumb' }), `${BASE}/optimise/thumb/DEV/cat.webp`)
  assert.equal(url({}), `${BASE}/full/DEV/cat.webp`)
})

test('Astro: addresses, candidates, attributes', () => {
  const config = { service: { config: { base: BASE } } }
  const options = astro.validateOptions({ src: CAT, width: 200, height: 100, alt: 'A cat', quality: 70, class: 'wide' })
  assert.equal(astro.getURL(options, config), `${BASE}/optimise/200x100/DEV/cat.webp?quality=70`)
  const set = astro.getSrcSet(options)
  assert.deepEqual(
    set.map(({ descriptor }) => descriptor),
    ['160w', '200w', '320w', '400w'],
  )
  assert.equal(astro.getURL(set[3].transform, config), `${BASE}/optimise/400x200/DEV/cat.webp?quality=70`)
  assert.deepEqual(astro.getHTMLAttributes(options), {
    ...{ loading: 'lazy', decoding: 'async', width: 200, height: 100, alt: 'A cat', class: 'wide' },
    sizes: '(min-width: 200px) 200px, 100vw',
  })
  const dense = astro.getSrcSet(astro.validateOptions({ src: CAT, width: 200, densities: [1.5, '2x'] }))
  assert.deepEqual(
    dense.map(({ descriptor, transform }) => [descriptor, transform.width]),
    [
      ['1.5x', 300],
      ['2x', 400],
    ],
  )
  assert.equal(astro.getURL({ src: { src: '/_astro/cat.1f2e.png' }, width: 5 }, config), '/_astro/cat.1f2e.png')
  assert.equal(astro.getURL({ src: CAT, preset: 'thumb', width: 5 }, config), `${BASE}/optimise/thumb/DEV/cat.webp`)
  assert.throws(() => astro.getURL({ src: CAT }, { service: { config: {} } }), /config\.base/)
})

test('unpic: generate, extract, transform', () => {
  assert.equal(generate(CAT, { width: '200', quality: '70' }, { base: BASE }), `${SMALL}?quality=70`)
  assert.equal(transform(PUBLIC, { width: 199.6 }, { base: BASE }), `${SMALL}?v=8378025ad251`)
  assert.equal(
    transform('https://example.com/DEV/cat.webp', { width: 5 }, { base: BASE }),
    'https://example.com/DEV/cat.webp',
  )
  assert.deepEqual(extract(`${SMALL}?quality=70`, { base: BASE }), {
    ...{ src: CAT, operations: { width: 200, quality: 70 }, options: { base: BASE } },
  })
  assert.equal(extract('https://example.com/x.png', { base: BASE }), null)
})
