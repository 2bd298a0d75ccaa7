/** The plugin: pictures reach TADA as they are, and what editors write about them follows. */

import { changedFields } from './fields.js'

const FILE = 'plugin::upload.file'
export const PROVIDER = 'strapi-provider-upload-tada'

export default {
  register({ strapi }) {
    if (!isUsed(strapi)) return
    // Strapi would store four copies of each picture, and code it anew. The provider has addresses for these sizes.
    Object.assign(strapi.plugin('upload').service('image-manipulation'), {
      optimize: async (file) => file,
      generateThumbnail: async () => null,
      generateResponsiveFormats: async () => [],
    })
  },

  bootstrap({ strapi }) {
    if (!isUsed(strapi)) return
    strapi.db.lifecycles.subscribe({
      models: [FILE],
      /** A change that TADA refuses is refused in Strapi, so both have the same texts. */
      async beforeUpdate({ params: { where, data } }) {
        // What comes with an address comes from the provider: TADA has it already.
        if (data.url) return
        const file = await strapi.db.query(FILE).findOne({ where })
        if (file?.provider !== PROVIDER) return
        const fields = changedFields(file, data)
        if (Object.keys(fields).length) await strapi.plugin('upload').provider.change({ file, fields })
      },
    })
  },
}

const isUsed = (strapi) => strapi.config.get('plugin::upload.provider') === PROVIDER
