import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  bytesOf,
  decide,
  fieldsFor,
  fieldsOf,
  goingFolders,
  isBehind,
  itemOf,
  LEFT_OUT,
  meaningOf,
  pauseAfter,
  settingsOf,
  SettingsError,
  TadaError,
  textOf,
} from '../build/rules.js'

const ENV = { TADA_URL: 'http://tada:3001/media/', TADA_NAMESPACE: 'DEV' }
const SETTINGS = settingsOf(ENV)
const LIMITS = { mediaTypes: ['image/jpeg', 'image/svg+xml'], sizeMax: 1000 }
const everywhere = () => true
const nowhere = () => false
const NEW = { uuid: null, bytes: null, fields: null }
const FILE = {
  id: '23750f0b-c575-4682-9de0-b1e7d7385bb8',
  storage: 'local',
  filename_disk: '23750f0b.jpg',
  filename_download: 'cat.jpg',
  title: 'A cat',
  description: 'It sleeps',
  type: 'image/jpeg',
  folder: null,
  uploaded_on: 1796000000000,
  filesize: 500,
  width: 400,
  height: 200,
  focal_point_x: null,
  focal_point_y: null,
  tags: '["a, b","c"]',
  tus_id: null,
}
const SENT = { uuid: 'u', bytes: bytesOf(FILE, SETTINGS), fields: fieldsOf(FILE, SETTINGS) }

test('settings have defaults, and say what is missing or wrong', () => {
  assert.equal(SETTINGS.url, 'http://tada:3001/media')
  assert.equal(SETTINGS.destination, 'directus')
  assert.equal(SETTINGS.concurrency, 4)
  for (const wrong of [
    { TADA_URL: '' },
    { TADA_URL: 'tada:3001' },
    { TADA_NAMESPACE: ' ' },
    { TADA_DESTINATION: '/' },
    { TADA_WIDTHS: '320,wide' },
    { TADA_CONCURRENCY: 0 },
    { TADA_CONCURRENCY: 1000 },
    { TADA_URL_SIGNING_KEY: 'short' },
    { TADA_TOKEN: 'same', TADA_PICKER_TOKEN: 'same' },
  ]) {
    assert.throws(() => settingsOf({ ...ENV, ...wrong }), SettingsError, JSON.stringify(wrong))
  }
})

test('settings that Directus has made lists and numbers of are read, too', () => {
  const read = settingsOf({
    ...ENV,
    TADA_WIDTHS: [320, '640'],
    TADA_FOLDERS: 'A, B',
    TADA_TOKEN: 123,
    TADA_CONCURRENCY: 8,
  })
  assert.deepEqual([read.widths, read.folders, read.token, read.concurrency], [[320, 640], ['A', 'B'], '123', 8])
  assert.deepEqual(settingsOf({ ...ENV, TADA_WIDTHS: 640 }).widths, [640])
})

const FOLDERS = [
  { id: 'p', name: 'Public', parent: null },
  { id: 's', name: 'Shop', parent: 'p' },
  { id: 'd', name: 'Drafts', parent: 's' },
  { id: 'x', name: 'Private', parent: null },
  { id: 'y', name: 'Shop', parent: 'x' },
]
const goes = (folders, foldersLeftOut = []) => goingFolders(FOLDERS, { folders, foldersLeftOut })
const all = [null, 'p', 's', 'd', 'x', 'y']

test('folders are named by id or path, with those below them', () => {
  for (const [folders, leftOut, wanted] of [
    [[], [], all],
    [['Public'], [], ['p', 's', 'd']],
    [['/Public/Shop/', '/'], [], [null, 's', 'd']],
    [['y'], [], ['y']],
    [[], ['Private'], [null, 'p', 's', 'd']],
    [['Public'], ['Public/Shop/Drafts'], ['p', 's']],
    [['Public/Shop'], ['Public'], []],
    [[], ['/'], ['p', 's', 'd', 'x', 'y']],
  ]) {
    assert.deepEqual(all.filter(goes(folders, leftOut)), wanted, `${folders} without ${leftOut}`)
  }
})

test('a folder that is not there, or whose path is not clear, sends nothing', () => {
  assert.throws(() => goes(['Nowhere']), /TADA_FOLDERS: 'Nowhere' is no folder/)
  assert.throws(() => goes([], ['Secret']), /TADA_FOLDERS_LEFT_OUT: 'Secret' is no folder/)
  const twice = [...FOLDERS, { id: 'z', name: 'Public', parent: null }]
  assert.throws(() => goingFolders(twice, { folders: ['Public'], foldersLeftOut: [] }), /several folders/)
})

test('folders in a circle end', () => {
  const circle = [
    { id: 'a', name: 'A', parent: 'b' },
    { id: 'b', name: 'B', parent: 'a' },
  ]
  assert.equal(goingFolders(circle, { folders: ['b'], foldersLeftOut: [] })('a'), true)
})

test('each file has one next step', () => {
  const step = (file, known = NEW, where = everywhere) =>
    decide(file && { ...FILE, ...file }, known, where, LIMITS, SETTINGS).kind
  assert.equal(step({}), 'upload')
  assert.equal(step({}, SENT), 'nothing')
  assert.equal(step({ title: 'Another' }, SENT), 'change')
  assert.equal(step({ uploaded_on: 1 }, SENT), 'upload')
  assert.equal(step({}, { ...SENT, bytes: null }), 'upload')
  assert.equal(step({}, { ...SENT, fields: null }), 'change')
  assert.equal(step({}, SENT, nowhere), 'leave out')
  assert.equal(step(null, SENT), 'gone')
  assert.equal(step({ type: 'text/plain' }), 'refuse')
  assert.equal(step({ filesize: 1001 }), 'refuse')
  assert.equal(step({ filesize: '1000' }), 'upload')
  // Its bytes are still on their way to Directus.
  assert.equal(step({ filesize: null }), 'nothing')
  assert.equal(step({ tus_id: 'x' }), 'nothing')
})

test('what nobody has told of is seen', () => {
  const behind = (file, known, where = everywhere) => isBehind({ ...FILE, ...file }, known, where, SETTINGS)
  assert.equal(behind({}, SENT), false)
  assert.equal(behind({ description: null }, SENT), true)
  assert.equal(behind({ filesize: 1 }, SENT), true)
  assert.equal(behind({}, SENT, nowhere), true)
  assert.equal(behind({}, { ...NEW, fields: LEFT_OUT }, nowhere), false)
  assert.equal(behind({}, { ...NEW, fields: LEFT_OUT }), true)
  // What was refused was told.
  assert.equal(behind({}, { ...SENT, uuid: null }), false)
  const moved = settingsOf({ ...ENV, TADA_NAMESPACE: 'PROD' })
  assert.equal(isBehind(FILE, SENT, everywhere, moved), true)
})

test('fields are those of TADA, and empty ones clear', () => {
  assert.deepEqual(fieldsFor(FILE), {
    external_id: FILE.id,
    information: 'cat.jpg',
    title: 'A cat',
    alt: 'It sleeps',
    tags: ['a, b', 'c'],
    focus_x: '',
    focus_y: '',
  })
  const focus = ({ focus_x, focus_y }) => [focus_x, focus_y]
  assert.deepEqual(focus(fieldsFor({ ...FILE, focal_point_x: 100, focal_point_y: 200 })), ['0.25', '1'])
  assert.deepEqual(focus(fieldsFor({ ...FILE, focal_point_x: 0, focal_point_y: 900 })), ['0', '1'])
  assert.deepEqual(focus(fieldsFor({ ...FILE, focal_point_x: 100, focal_point_y: null })), ['', ''])
  assert.deepEqual(focus(fieldsFor({ ...FILE, focal_point_x: 1, focal_point_y: 1, width: null })), ['', ''])
  assert.deepEqual(fieldsFor({ ...FILE, tags: ['x', 'x', ' '] }).tags, ['x'])
  assert.deepEqual(fieldsFor({ ...FILE, tags: 'x,y' }).tags, ['x', 'y'])
  assert.deepEqual(fieldsFor({ ...FILE, tags: null }).tags, [])
  const long = fieldsFor({ ...FILE, description: 'é'.repeat(4000) }).alt
  assert.ok(new TextEncoder().encode(long).length <= 4096 && long.endsWith('é'))
})

test('a failure is one of the file, of all files, or for good', () => {
  const meaning = (status, code = '') => meaningOf(new TadaError(status, [{ code, message: 'x' }]))
  for (const status of [0, 401, 403, 429, 503]) assert.equal(meaning(status), 'away', `${status}`)
  for (const status of [408, 423, 500, 502, 507]) assert.equal(meaning(status), 'later', `${status}`)
  for (const status of [400, 404, 422]) assert.equal(meaning(status), 'refused', `${status}`)
  assert.equal(meaning(413, 'too_large'), 'refused')
  assert.equal(meaning(413, 'quota_exceeded'), 'later')
  assert.equal(meaningOf(new Error('the disk is full')), 'later')
})

test('pauses grow, end at an hour, and are not shorter than TADA asks', () => {
  assert.equal(pauseAfter(1), 15_000)
  assert.equal(pauseAfter(3), 60_000)
  assert.equal(pauseAfter(100), 3600_000)
  assert.equal(pauseAfter(1, new TadaError(429, [], 40)), 40_000)
  assert.equal(textOf(new TadaError(400, [{ code: 'x', message: 'No.', hint: 'Send yes.' }])), 'No. Send yes.')
})

const ENTRY = {
  uuid: 'u',
  version: 2,
  unique_name: '/DEV/directus/1.webp',
  base_url: 'http://media/assets/media',
  versioned_url: 'http://media/assets/media/full/DEV/directus/1.webp?v=4f6b66beb371',
  mimetype: 'image/webp',
  width: null,
  height: null,
  meta: { secret: 1 },
}

test('an item has addresses of the sizes that the picture has', async () => {
  const item = await itemOf(FILE, ENTRY, SETTINGS)
  assert.equal(item.tada_url, ENTRY.versioned_url)
  assert.deepEqual(
    item.tada_srcset.split(', ').map((each) => each.split(' ')[1]),
    ['160w', '320w', '400w'],
  )
  assert.equal(JSON.parse(item.tada_asset).width, 400)
  assert.ok(!item.tada_asset.includes('secret'))
  const named = await itemOf(FILE, ENTRY, settingsOf({ ...ENV, TADA_WIDTHS: '100,200' }))
  assert.deepEqual(
    named.tada_srcset.split(', ').map((each) => each.split(' ')[1]),
    ['100w', '200w'],
  )
  for (const mimetype of ['image/svg+xml', 'application/pdf']) {
    assert.equal((await itemOf(FILE, { ...ENTRY, mimetype }, SETTINGS)).tada_srcset, null)
  }
})

test('with a key, every address is signed', async () => {
  const signed = settingsOf({ ...ENV, TADA_URL_SIGNING_KEY: 'k'.repeat(32) })
  const item = await itemOf(FILE, ENTRY, signed)
  for (const address of [item.tada_url, ...item.tada_srcset.split(', ')])
    assert.match(address, /[?&]signature=[0-9a-f]{64}/)
  assert.ok(isBehind(FILE, SENT, everywhere, signed), 'other addresses are written into the items')
})
