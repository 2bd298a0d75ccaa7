export default {
  images: { loader: 'custom', loaderFile: './media.js' },
  poweredByHeader: false,
}
