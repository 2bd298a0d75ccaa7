"""Pictures that say which asset and which version they are, in colours that survive scaling and WebP."""

import io
import secrets
import zlib

from PIL import Image

SIDE = 128
_LEVELS = 8
_STEP = 32
_DIGITS = 12
"""Four squares of three colours, each with one of eight levels: 36 bits."""


class Unreadable(Exception):
    """It is no such picture, or was changed."""


def picture(asset: int, version: int, padding: int) -> bytes:
    """Return a JPEG of an asset (below 512) at a version (below 32768), unlike any other made before.

    `padding` random bytes follow its end: they are no part of the picture, but of the file.
    """
    digits = _digits(asset, version)
    image = Image.new("RGB", (SIDE, SIDE))
    for square in range(4):
        red, green, blue = (digit * _STEP + _STEP // 2 for digit in digits[square * 3 : square * 3 + 3])
        at = (square % 2 * SIDE // 2, square // 2 * SIDE // 2)
        image.paste((red, green, blue), (*at, at[0] + SIDE // 2, at[1] + SIDE // 2))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue() + secrets.token_bytes(padding)


def read(content: bytes) -> tuple[int, int]:
    """Return asset and version of a picture, of whatever size and format; raises Unreadable."""
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except OSError as error:
        raise Unreadable(str(error)) from error
    digits: list[int] = []
    for square in range(4):
        at = ((square % 2 * 2 + 1) * image.width // 4, (square // 2 * 2 + 1) * image.height // 4)
        colours = image.getpixel(at)
        assert isinstance(colours, tuple)
        digits += [int(colour) // _STEP for colour in colours]
    number = sum(digit * _LEVELS**at for at, digit in enumerate(digits))
    asset, version = number % 512, number // 512 % 32768
    if digits != _digits(asset, version):
        raise Unreadable(f"its colours say {digits}")
    return asset, version


def _digits(asset: int, version: int) -> list[int]:
    check = zlib.crc32(f"{asset} {version}".encode()) % _LEVELS**4
    number = asset + 512 * version + 512 * 32768 * check
    return [number // _LEVELS**at % _LEVELS for at in range(_DIGITS)]
