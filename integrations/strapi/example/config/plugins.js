module.exports = ({ env }) => ({
  upload: {
    config: {
      provider: 'strapi-provider-upload-tada',
      providerOptions: {
        url: env('TADA_URL', 'http://localhost:3001'),
        token: env('TADA_TOKEN'),
        namespace: env('TADA_NAMESPACE', 'DEV'),
        destination: 'strapi',
        signingKey: env('TADA_SIGNING_KEY'),
      },
      security: {
        allowedTypes: ['image/png', 'image/jpeg', 'image/webp', 'image/svg+xml', 'application/pdf'],
      },
    },
  },
})
