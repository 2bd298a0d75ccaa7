// Makes dist/ of src/: what Directus loads, and build/rules.js, which the tests import. The library of TADA and its
// picker come from this checkout. Directus itself provides vue and its SDK to the interface.
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

const checkout = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const common = {
  bundle: true,
  format: 'esm',
  alias: {
    'tada-media': checkout('clients/js/src/index.ts'),
    'tada-picker': checkout('services/catalog/library/static/embed/picker.js'),
  },
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  target: 'es2022',
  logLevel: 'warning',
}

await build({ ...common, entryPoints: { api: 'src/api.ts' }, outdir: 'dist', platform: 'node' })
await build({ ...common, entryPoints: { rules: 'src/rules.ts' }, outdir: 'build', platform: 'node' })
await build({
  ...common,
  entryPoints: { app: 'src/app.ts' },
  outdir: 'dist',
  platform: 'browser',
  external: ['vue', '@directus/extensions-sdk'],
})
