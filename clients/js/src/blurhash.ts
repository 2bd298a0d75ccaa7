/** A BlurHash (blurha.sh) as a picture of a few pixels, which a browser makes large and smooth. Pure. */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~'
const HEAD = 54

const number = (text: string) => [...text].reduce((sum, digit) => sum * 83 + DIGITS.indexOf(digit), 0)
const linear = (value: number) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4)
const signedSquare = (value: number) => Math.sign(value) * value * value

function encoded(value: number): number {
  const bound = Math.max(0, Math.min(1, value))
  return Math.round((bound <= 0.0031308 ? bound * 12.92 : 1.055 * bound ** (1 / 2.4) - 0.055) * 255)
}

/** Return a `data:` address of the picture, or undefined if the text is no BlurHash. */
export function blurhashUrl(hash: string, width = 8, height = 6): string | undefined {
  const sizes = number(hash.slice(0, 1))
  const across = (sizes % 9) + 1
  const down = Math.floor(sizes / 9) + 1
  if (hash.length !== 4 + 2 * across * down || [...hash].some((digit) => !DIGITS.includes(digit))) return undefined
  const waves = wavesOf(hash, across * down)
  const row = width * 3 + ((-width * 3) & 3)
  const bytes = head(width, height, row)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0]
      waves.forEach((wave, at) => {
        const share =
          Math.cos((Math.PI * x * (at % across)) / width) * Math.cos((Math.PI * y * Math.floor(at / across)) / height)
        wave.forEach((part, channel) => (sum[channel]! += part * share))
      })
      // A BMP begins with its lowest row, and has blue first.
      sum.forEach((part, channel) => (bytes[HEAD + (height - 1 - y) * row + x * 3 + 2 - channel] = encoded(part)))
    }
  }
  return `data:image/bmp;base64,${btoa(String.fromCharCode(...bytes))}`
}

function wavesOf(hash: string, count: number): number[][] {
  const most = (number(hash[1]!) + 1) / 166
  const mean = number(hash.slice(2, 6))
  const waves = [[linear(mean >> 16), linear((mean >> 8) & 255), linear(mean & 255)]]
  for (let at = 1; at < count; at++) {
    const value = number(hash.slice(4 + at * 2, 6 + at * 2))
    const parts = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19]
    waves.push(parts.map((part) => signedSquare((part - 9) / 9) * most))
  }
  return waves
}

function head(width: number, height: number, row: number): Uint8Array {
  const bytes = new Uint8Array(HEAD + row * height)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0x424d)
  view.setUint32(2, bytes.length, true)
  view.setUint32(10, HEAD, true)
  view.setUint32(14, 40, true)
  view.setInt32(18, width, true)
  view.setInt32(22, height, true)
  view.setUint16(26, 1, true)
  view.setUint16(28, 24, true)
  return bytes
}
