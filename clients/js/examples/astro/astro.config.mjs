import { defineConfig } from 'astro/config'

const base = process.env.MEDIA ?? 'http://localhost:8080/assets/media'

export default defineConfig({
  image: { service: { entrypoint: 'tada-media/astro', config: { base } } },
})
