/** The interface: people choose files in TADA's library, for a field of any collection. */

import { useApi } from '@directus/extensions-sdk'
import { defineComponent, h, onMounted, ref, watch } from 'vue'
import 'tada-picker'

interface Asset {
  uuid: string
  [field: string]: unknown
}

interface Picker extends HTMLElement {
  value: string
  assets: Asset[]
  token: (asked: { refused: boolean }) => Promise<string>
}

interface Given {
  value: unknown
  type: string
  multiple: boolean
  disabled: boolean
  max: number | null
  folder: string | null
  types: string[] | null
}

/** What is kept of an asset: what a page needs to show it without asking TADA. */
const KEPT = [
  'uuid',
  'version',
  'unique_name',
  'base_url',
  'public_url',
  'versioned_url',
  'mimetype',
  'filename',
  'title',
  'alt',
  'width',
  'height',
  'blurhash',
  'dominant_color',
  'focus_x',
  'focus_y',
]

const component = defineComponent({
  props: {
    value: { type: [Object, Array, String], default: null },
    type: { type: String, default: 'json' },
    multiple: { type: Boolean, default: false },
    disabled: { type: Boolean, default: false },
    max: { type: Number, default: null },
    folder: { type: String, default: null },
    types: { type: Array, default: null },
  },
  emits: ['input'],
  setup(properties: unknown, { emit }: { emit: (event: 'input', value: unknown) => void }) {
    const props = properties as Given
    const api = useApi()
    const element = ref<Picker | null>(null)
    const library = ref<string | null>(null)
    const failure = ref<string | null>(null)

    const show = () => {
      const picker = element.value
      if (!picker) return
      const stored = stored_(props.value)
      if (stored.map(({ uuid }) => uuid).join(' ') !== picker.value) picker.assets = stored
      picker.token = async ({ refused } = { refused: false }) => (refused ? '' : (await asked()).token)
    }
    const asked = async () => (await api.get('/tada/picker')).data.data
    const changed = () => {
      const assets = element.value!.assets.map(kept)
      if (!assets.length) emit('input', null)
      else if (props.type === 'json') emit('input', props.multiple ? assets : assets[0])
      else emit('input', assets.map(({ uuid }) => uuid).join(' '))
    }

    onMounted(async () => {
      try {
        library.value = (await asked()).library
      } catch (error: any) {
        failure.value = error?.response?.data?.errors?.[0]?.message ?? String(error)
      }
    })
    watch([() => props.value, element], show, { flush: 'post' })

    return () => {
      if (failure.value) return h('v-notice', { type: 'warning' }, () => failure.value)
      if (!library.value) return h('div')
      return h('tada-picker', {
        ref: element,
        '^src': library.value,
        '^multiple': props.multiple ? '' : null,
        '^disabled': props.disabled ? '' : null,
        '^max': props.max,
        '^folder': props.folder,
        '^types': props.types?.join(' '),
        onChange: changed,
      })
    }
  },
})

/** A stored value: an asset, several, or their uuids. */
function stored_(value: unknown): Asset[] {
  if (typeof value === 'string')
    return value
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((uuid) => ({ uuid }))
  const listed = Array.isArray(value) ? value : [value]
  return listed.filter((one): one is Asset => typeof one?.uuid === 'string')
}

const kept = (asset: Asset): Asset => ({
  uuid: asset.uuid,
  ...Object.fromEntries(KEPT.filter((name) => name in asset).map((name) => [name, asset[name]])),
})

const field = (name: string, label: string, type: string, shown: string, more: object = {}) => ({
  field: name,
  name: label,
  type,
  meta: { width: 'half', interface: shown, ...more },
})

export default {
  id: 'tada-picker',
  name: 'TADA',
  icon: 'perm_media',
  description: 'Choose files in the library of TADA',
  component,
  types: ['json', 'string', 'text'],
  group: 'relational',
  options: [
    field('multiple', 'Several files', 'boolean', 'boolean'),
    field('max', 'How many at most', 'integer', 'input'),
    field('folder', 'Only files of this folder', 'string', 'input', { options: { placeholder: '/DEV/products' } }),
    field('types', 'Only these media types', 'csv', 'tags', { options: { placeholder: 'image/jpeg' } }),
  ],
}
