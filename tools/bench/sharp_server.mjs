// sharp behind Node's own HTTP server: GET /{width}/{quality}/{file} is that file as WebP. PORT and FOLDER are told.
import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import { join } from 'node:path'

// It is installed where the measurement runs, not where this file is.
const sharp = createRequire(join(process.cwd(), 'x.js'))('sharp')
sharp.concurrency(1)
sharp.cache(false)

createServer(async (request, response) => {
  const [, width, quality, file] = request.url.split('/')
  const image = sharp(join(process.env.FOLDER, file)).resize(Number(width))
  const content = await image.webp({ quality: Number(quality), effort: 4 }).toBuffer()
  response.writeHead(200, { 'content-type': 'image/webp', 'content-length': content.length })
  response.end(content)
}).listen(Number(process.env.PORT), '127.0.0.1')
