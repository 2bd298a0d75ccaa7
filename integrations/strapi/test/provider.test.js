import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { asForm, changedFields, fieldsOf } from '../src/fields.js'
import { formatsOf } from '../src/formats.js'
import { baseOf, uuidOf } from '../src/identity.js'
import { endOf, settingsOf } from '../src/settings.js'

const base = 'https://media.example.com/prefix/assets/media'
const entry = { base_url: base, unique_name: '/DEV/cat_1a2b.webp', mimetype: 'image/webp' }
const file = { name: 'cat.jpg', hash: 'cat_1a2b', width: 1200, height: 1600 }

test('a large picture has the formats of Strapi, each with an address', () => {
  const formats = formatsOf(entry, file)
  assert.deepEqual(Object.keys(formats).sort(), ['large', 'medium', 'small', 'thumbnail'])
  assert.deepEqual(formats.thumbnail, {
    name: 'thumbnail_cat.jpg',
    hash: 'thumbnail_cat_1a2b',
    ext: '.webp',
    mime: 'image/webp',
    path: null,
    width: 117,
    height: 156,
    url: `${base}/optimise/245x156/DEV/cat_1a2b.webp?fit=contain`,
  })
  // 562.5 is a half, which becomes the even number.
  assert.deepEqual([formats.medium.width, formats.medium.height], [562, 750])
})

test('a picture has no format into whose box it fits', () => {
  assert.deepEqual(Object.keys(formatsOf(entry, { ...file, width: 500, height: 400 })), ['thumbnail'])
  assert.equal(formatsOf(entry, { ...file, width: 245, height: 156 }), undefined)
  assert.equal(formatsOf(entry, { ...file, width: null }), undefined)
  assert.equal(formatsOf({ ...entry, mimetype: 'image/svg+xml' }, file), undefined)
  assert.equal(formatsOf({ ...entry, mimetype: 'application/pdf' }, file), undefined)
})

test('the breakpoints of an app are its formats', () => {
  const formats = formatsOf(entry, file, { hero: 1500 })
  assert.deepEqual(Object.keys(formats).sort(), ['hero', 'thumbnail'])
  assert.equal(formats.hero.width, 1125)
})

test('a very flat picture keeps a pixel', () => {
  assert.equal(formatsOf(entry, { ...file, width: 9000, height: 2 }).thumbnail.height, 1)
})

test('what Strapi knows of a file is known to TADA', () => {
  const info = { name: 'cat.jpg', alternativeText: 'A cat', caption: null, focalPoint: { x: 25, y: 50 }, size: 4 }
  const fields = fieldsOf(info)
  assert.deepEqual(fields, { title: 'cat.jpg', alt: 'A cat', caption: null, focus_x: 0.25, focus_y: 0.5 })
  assert.deepEqual(asForm(fields), { title: 'cat.jpg', alt: 'A cat', caption: '', focus_x: '0.25', focus_y: '0.5' })
  assert.deepEqual(fieldsOf({ focalPoint: null }), { focus_x: null, focus_y: null })
})

test('only what has changed is sent', () => {
  const before = { name: 'cat.jpg', alternativeText: 'A cat', caption: null, focalPoint: null }
  assert.deepEqual(changedFields(before, { ...before, folderPath: '/1' }), {})
  assert.deepEqual(changedFields(before, { alternativeText: 'Two cats', name: 'cat.jpg' }), { alt: 'Two cats' })
  assert.deepEqual(changedFields(before, { focalPoint: { x: 10, y: 100 } }), { focus_x: 0.1, focus_y: 1 })
})

test('an asset is known by its uuid, and otherwise by its path', () => {
  const md5 = (text) => createHash('md5').update(text).digest('hex')
  assert.equal(uuidOf({ provider_metadata: { uuid: 'u' }, url: `${base}/full/DEV/cat.webp` }), 'u')
  assert.equal(uuidOf({ url: `${base}/full/DEV/cat.webp` }), md5('/DEV/cat.webp'))
  assert.equal(uuidOf({ url: `${base}/original/DEV/a/cat.gif?expires=5&signature=ab` }), md5('/DEV/a/cat.gif'))
})

test('a format is no asset of its own', () => {
  for (const format of Object.values(formatsOf(entry, file))) assert.equal(uuidOf(format), undefined)
  assert.equal(uuidOf({ url: '/uploads/cat.jpg' }), undefined)
  assert.equal(uuidOf({}), undefined)
})

test('addresses begin with the base', () => {
  assert.equal(baseOf(`${base}/optimise/245x156/DEV/full/cat.webp?fit=contain`), base)
  assert.equal(baseOf('/uploads/cat.jpg'), undefined)
})

const good = { url: 'http://media:3001', namespace: 'DEV' }

test('settings that cannot work are refused at the start', () => {
  assert.equal(settingsOf(good).signedFor, 3600)
  assert.equal(settingsOf({ ...good, token: '' }).token, undefined)
  const refused = [
    [undefined, /url/],
    [{ ...good, url: 'media:3001' }, /url/],
    [{ ...good, namespace: '' }, /namespace/],
    [{ ...good, signingKey: 'short' }, /signingKey/],
    [{ ...good, signedFor: 0 }, /signedFor/],
    [{ ...good, tokn: 'x' }, /tokn/],
  ]
  for (const [options, message] of refused) assert.throws(() => settingsOf(options), message)
})

test('a signature is valid at least as long as it is set, and the same for everybody meanwhile', () => {
  for (const now of [0, 1, 3599_999, 3600_000, 1796090000_123]) {
    const rest = endOf(now, 3600) - now / 1000
    assert.ok(rest > 3600 && rest <= 7200, `${rest}`)
  }
  assert.equal(endOf(3600_000, 3600), endOf(7199_999, 3600))
})
