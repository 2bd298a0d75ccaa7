/** What Directus loads on the server. Both entries share one Files. */

import endpoint from './endpoint.js'
import hook from './hook.js'

export const hooks = [{ name: 'tada-files', config: hook }]
export const endpoints = [{ name: 'tada', config: endpoint }]
export const operations = []
