module.exports = ({ env }) => {
  const media = env('TADA_PUBLIC', 'http://localhost:8080')
  return [
    'strapi::logger',
    'strapi::errors',
    {
      name: 'strapi::security',
      config: {
        contentSecurityPolicy: {
          useDefaults: true,
          directives: {
            'connect-src': ["'self'", 'https:', media],
            'img-src': ["'self'", 'data:', 'blob:', media],
            'media-src': ["'self'", 'data:', 'blob:', media],
            upgradeInsecureRequests: null,
          },
        },
      },
    },
    'strapi::cors',
    'strapi::query',
    'strapi::body',
    'strapi::session',
    'strapi::favicon',
    'strapi::public',
  ]
}
