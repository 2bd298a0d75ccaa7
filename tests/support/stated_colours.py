"""Pictures whose colours are said by their container, not by an ICC profile."""

import struct
import zlib

from PIL import Image, ImageDraw

from tests.support.pictures import encoded
from tests.support.png import chunk

COLOURS = ((40, 200, 60), (240, 220, 40), (128, 128, 128), (200, 90, 160))
SIZE = (80, 20)
ADOBE_RGB = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
"""White, red, green, blue as `cHRM` has them: Adobe RGB (1998), 4.3.1."""
SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def bars(colours: tuple[tuple[int, int, int], ...] = COLOURS) -> Image.Image:
    """Return bars of colours, 20 pixels wide each."""
    image = Image.new("RGB", SIZE)
    for number, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((20 * number, 0, 20 * number + 19, SIZE[1]), fill=colour)
    return image


def seen(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the colours in the middle of the bars, whatever size they have now."""
    image = image.convert("RGB")
    found = [image.getpixel((image.width * (2 * number + 1) // 8, image.height // 2)) for number in range(4)]
    assert all(isinstance(colour, tuple) for colour in found)
    return found  # type: ignore[return-value]


def gama(share: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 * share)))


def chrm(points: tuple[int, ...] = ADOBE_RGB) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *points))


def cicp(primaries: int, curve: int, matrix: int = 0, full: int = 1) -> bytes:
    return chunk(b"cICP", bytes([primaries, curve, matrix, full]))


def iccp(profile: bytes, *, damaged: bool = False) -> bytes:
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile), damaged=damaged)


def stating(image: Image.Image, *chunks: bytes) -> bytes:
    """Return a PNG with chunks behind its header."""
    content = encoded(image, "PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def avif_stating(image: Image.Image, primaries: int, curve: int) -> bytes:
    """Return an AVIF with code points for its colours."""
    usual = b"nclx" + struct.pack(">2H", 1, 13)
    content = encoded(image, "AVIF", quality=95, subsampling="4:4:4")
    assert usual in content
    return content.replace(usual, b"nclx" + struct.pack(">2H", primaries, curve))
