// sharp behind Node's own HTTP server: GET /{width}/{quality}/{effort}/{file} is that file as WebP, upright and in sRGB;
// a width of 0 is the full size. PORT and FOLDER are told.
import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import { join } from 'node:path'

// It is installed where the measurement runs, not where this file is.
const sharp = createRequire(join(process.cwd(), 'x.js'))('sharp')
sharp.concurrency(1)
sharp.cache(false)

createServer(async (request, response) => {
  if (request.url === '/healthcheck') return response.end()
  const [, width, quality, effort, file] = request.url.split('/')
  const source = sharp(join(process.env.FOLDER, file)).autoOrient()
  const image = Number(width) ? source.resize({ width: Number(width), withoutEnlargement: true }) : source
  const content = await image.webp({ quality: Number(quality), effort: Number(effort) }).toBuffer()
  response.writeHead(200, { 'content-type': 'image/webp', 'content-length': content.length })
  response.end(content)
}).listen(Number(process.env.PORT), '127.0.0.1')
