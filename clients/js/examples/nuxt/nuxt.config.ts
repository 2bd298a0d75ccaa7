const baseURL = process.env.MEDIA ?? 'http://localhost:8080/assets/media'

export default defineNuxtConfig({
  modules: ['@nuxt/image'],
  telemetry: false,
  image: { provider: 'tada', providers: { tada: { provider: 'tada-media/nuxt', options: { baseURL } } } },
})
