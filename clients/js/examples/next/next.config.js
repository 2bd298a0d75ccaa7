export default {
  output: 'export',
  images: { loader: 'custom', loaderFile: './media.js' },
}
