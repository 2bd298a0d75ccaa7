// The blurred preview of a picture from its BlurHash. Pure.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

const number = (text) => [...text].reduce((sum, digit) => sum * 83 + DIGITS.indexOf(digit), 0);
const linear = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const signedSquare = (value) => Math.sign(value) * value * value;

function encoded(value) {
  const bound = Math.max(0, Math.min(1, value));
  return Math.round((bound <= 0.0031308 ? bound * 12.92 : 1.055 * bound ** (1 / 2.4) - 0.055) * 255);
}

// Return the pixels (RGBA) of a preview, or null if the text is not a BlurHash.
export function decode(hash, width, height) {
  if (!hash || hash.length < 6 || [...hash].some((digit) => !DIGITS.includes(digit))) return null;
  const sizes = number(hash[0]);
  const across = (sizes % 9) + 1;
  const down = Math.floor(sizes / 9) + 1;
  if (hash.length !== 4 + 2 * across * down) return null;
  const most = (number(hash[1]) + 1) / 166;
  const waves = [];
  for (let at = 0; at < across * down; at++) {
    if (at === 0) {
      const mean = number(hash.slice(2, 6));
      waves.push([linear(mean >> 16), linear((mean >> 8) & 255), linear(mean & 255)]);
    } else {
      const value = number(hash.slice(4 + at * 2, 6 + at * 2));
      const parts = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19];
      waves.push(parts.map((part) => signedSquare((part - 9) / 9) * most));
    }
  }
  const pixels = new Uint8ClampedArray(width * height * 4);
  const cosines = (count, length) =>
    Array.from({ length }, (_, x) => Array.from({ length: count }, (_, i) => Math.cos((Math.PI * x * i) / length)));
  const columns = cosines(across, width);
  const rows = cosines(down, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [red, green, blue] = [0, 0, 0];
      for (let j = 0; j < down; j++) {
        for (let i = 0; i < across; i++) {
          const share = columns[x][i] * rows[y][j];
          const wave = waves[i + j * across];
          red += wave[0] * share;
          green += wave[1] * share;
          blue += wave[2] * share;
        }
      }
      const at = (x + y * width) * 4;
      pixels[at] = encoded(red);
      pixels[at + 1] = encoded(green);
      pixels[at + 2] = encoded(blue);
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}
