/** Everything that decides without doing, for the tests. */

export * from './decide.js'
export * from './failures.js'
export * from './folders.js'
export * from './item.js'
export * from './settings.js'
export { TadaError } from 'tada-media'
