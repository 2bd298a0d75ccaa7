import assert from 'node:assert/strict'
import { test } from 'node:test'

import { blurhashUrl, css, html, picture, sizes, srcset, withAddresses } from '../dist/index.js'

const BASE = 'https://media.example.com/assets/media'
const CAT = {
  unique_name: '/DEV/cat.webp',
  versioned_url: `${BASE}/full/DEV/cat.webp?v=8378025ad251`,
  width: 1600,
  height: 1200,
  blurhash: 'LEHV6nWB2yk8pyo0adR*.7kCMdnj',
  dominant_color: '#aabbcc',
  alt: 'A cat',
}
const offered = (text) => text.split(', ').map((each) => Number(/ ([\d.]+)[wx]$/.exec(each)[1]))

test('a picture of a known size has its place, and no candidate that is larger than it', () => {
  const { img } = picture(BASE, CAT, { width: 1000 })
  assert.deepEqual([img.width, img.height], [1000, 750])
  assert.deepEqual(offered(img.srcset), [160, 320, 480, 640, 800, 1000, 1080, 1440, 1600])
  assert.equal(img.sizes, '(min-width: 1000px) 1000px, 100vw')
  assert.equal(img.src, `${BASE}/optimise/1000x0/DEV/cat.webp?v=8378025ad251`)
  assert.match(img.srcset, /optimise\/320x0\/DEV\/cat\.webp\?v=8378025ad251 320w/)
  assert.deepEqual([img.alt, img.loading, img.decoding], ['A cat', 'lazy', 'async'])
})

test('a small layout needs no large candidates', () => {
  assert.deepEqual(offered(picture(BASE, CAT, { width: 200 }).img.srcset), [160, 200, 320, 400])
})

test('without a size, the picture has its own', () => {
  const { img } = picture(BASE, CAT)
  assert.deepEqual([img.width, img.height, img.sizes], [1600, 1200, '100vw'])
  assert.equal(offered(img.srcset).at(-1), 1600)
})

test('a shape cuts every candidate alike, and none is larger than what can be cut', () => {
  const { img } = picture(BASE, CAT, { width: 600, height: 600, crop: 'smart' })
  assert.deepEqual([img.width, img.height], [600, 600])
  assert.deepEqual(offered(img.srcset), [160, 320, 480, 600, 640, 800, 1080, 1200])
  assert.match(img.srcset, /optimise\/160x160\/DEV\/cat\.webp\?crop=smart&v=8378025ad251 160w/)
})

test('the whole picture inside a box has the place that it takes', () => {
  const { img } = picture(BASE, CAT, { width: 600, height: 300, fit: 'contain' })
  assert.deepEqual([img.width, img.height], [400, 300])
  assert.match(img.srcset, /optimise\/160x0\/DEV\/cat\.webp\?v=8378025ad251 160w/)
  const { img: tall } = picture(BASE, CAT, { height: 300 })
  assert.deepEqual([tall.width, tall.height], [400, 300])
})

test('a width that is not known is offered by density', () => {
  const inside = picture(BASE, '/DEV/cat.webp', { width: 600, height: 300, fit: 'contain' }).img
  assert.equal(inside.srcset.split(', ')[2], `${BASE}/optimise/600x300/DEV/cat.webp?fit=contain&dpr=2 2x`)
  assert.equal(inside.sizes, undefined)
  assert.deepEqual(offered(picture(BASE, '/DEV/cat.webp', { height: 300 }).img.srcset), [1, 1.5, 2, 3])
  const preset = picture(BASE, CAT, { preset: 'thumb' }).img
  assert.equal(preset.src, `${BASE}/optimise/thumb/DEV/cat.webp?v=8378025ad251`)
  assert.match(preset.srcset, /thumb\/DEV\/cat\.webp\?dpr=3&v=8378025ad251 3x$/)
})

test('widths of one’s own are the only ones', () => {
  assert.deepEqual(offered(srcset(BASE, CAT, {}, [200, 400, 5000])), [200, 400])
  assert.deepEqual(offered(srcset(BASE, { ...CAT, width: 90, height: 60 }, {}, [200, 400])), [200])
})

test('formats come first', () => {
  const made = picture(BASE, CAT, { width: 200, formats: ['avif'] })
  assert.deepEqual(
    made.sources.map(({ type }) => type),
    ['image/avif'],
  )
  assert.match(made.sources[0].srcset, /160x0\/DEV\/cat\.webp\?format=avif&v=8378025ad251 160w/)
  assert.match(html(made), /^<picture><source type="image\/avif" srcset="[^"]+" sizes="[^"]+"><img [^>]+><\/picture>$/)
})

test('HTML has every attribute once, and no text gets out of it', () => {
  const text = html(picture(BASE, CAT, { width: 200, alt: '"><script>alert(1)</script>&' }), { class: 'a"b' })
  assert.match(text, /alt="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;&amp;"/)
  assert.match(text, /class="a&quot;b"/)
  assert.ok(!text.includes('<script>') && text.match(/ width="/g).length === 1)
  assert.match(
    text,
    /style="background: #aabbcc url\(&quot;data:image\/bmp;base64,[A-Za-z0-9+/=]+&quot;\) center \/ cover no-repeat"/,
  )
})

test('a placeholder is a colour, nothing, or what the hash says; no text gets into the CSS', () => {
  const background = (options, more = {}) => css(picture(BASE, { ...CAT, ...more }, options).background)
  assert.equal(background({ placeholder: 'color' }), 'background: #aabbcc')
  assert.equal(background({ placeholder: 'none' }), '')
  assert.equal(background({}, { dominant_color: 'red;x:url(evil)', blurhash: null }), '')
  assert.equal(background({}, { blurhash: 'no hash "' }), 'background: #aabbcc')
})

test('a BlurHash is a BMP of its colours', () => {
  const bytes = Buffer.from(blurhashUrl('00OZZy', 2, 2).split(',')[1], 'base64')
  assert.equal(bytes.toString('latin1', 0, 2), 'BM')
  assert.equal(bytes.length, 54 + 2 * 8)
  // One wave: its mean colour everywhere, blue first.
  const mean = [...'OZZy'].reduce(
    (sum, digit) =>
      sum * 83 + '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~'.indexOf(digit),
    0,
  )
  assert.deepEqual([...bytes.subarray(54, 57)], [mean & 255, (mean >> 8) & 255, mean >> 16])
  assert.deepEqual([...bytes.subarray(62, 65)], [...bytes.subarray(54, 57)])
  for (const wrong of ['', 'L', 'LEHV6nWB2yk8pyo0adR*.7kCMdn', 'é'.repeat(28)])
    assert.equal(blurhashUrl(wrong), undefined)
})

test('sizes are listed from the largest screen', () => {
  assert.equal(
    sizes([
      ['60em', '33vw'],
      ['30em', '50vw'],
    ]),
    '(min-width: 60em) 33vw, (min-width: 30em) 50vw, 100vw',
  )
})

test('all addresses of a picture can be replaced', async () => {
  const signed = await withAddresses(
    picture(BASE, CAT, { width: 200, formats: ['avif'], crop: [0.1, 0.2] }),
    async (at) => `${at}&s`,
  )
  const all = [
    signed.img.src,
    ...`${signed.img.srcset}, ${signed.sources[0].srcset}`.split(', ').map((each) => each.split(' ')[0]),
  ]
  assert.equal(all.length, 9)
  assert.ok(all.every((address) => address.startsWith(BASE) && address.endsWith('&s')))
})
