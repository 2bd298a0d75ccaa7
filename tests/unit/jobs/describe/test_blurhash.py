import io
import math

import numpy as np
import pytest
from PIL import Image

from services.jobs.describe.blurhash import ACROSS, DOWN, Pixel, encode
from tests.support.photographs import ASTRONAUT

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def test_the_digits_are_those_that_are_published() -> None:
    assert len(DIGITS) == len(set(DIGITS)) == 83


def pattern(width: int, height: int) -> list[list[Pixel]]:
    return [
        [(x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 7 % 256) for x in range(width)]
        for y in range(height)
    ]


@pytest.mark.parametrize(
    ("pixels", "known"),
    [
        (pattern(32, 24), "L$Hewg2nwsX5l|W7jwe@gGfifUff"),
        (pattern(64, 64), "L$HV9y2Y$6Sehpaxjsf4gdfifSfg"),
        ([[(255, 255, 255)] * 32] * 32, "L9TSUA~qfQ~q~qoffQoffQfQfQfQ"),
    ],
)
def test_a_hash_is_what_others_make_of_the_same_pixels(pixels: list[list[Pixel]], known: str) -> None:
    """The known ones were made with blurhash 1.1.5 from PyPI."""
    assert encode(pixels) == known


def test_a_decoded_hash_is_the_blurred_photograph() -> None:
    photo = Image.open(io.BytesIO(ASTRONAUT.read_bytes()))
    small = photo.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    hashed = encode([[small.getpixel((x, y)) for x in range(64)] for y in range(64)])  # type: ignore[misc]
    shown = Image.fromarray(decode(hashed, 64, 64))

    def difference(turned: Image.Image) -> float:
        areas = [np.asarray(image.resize((4, 3), Image.Resampling.BOX), float) for image in (turned, small)]
        return float(np.abs(areas[0] - areas[1]).mean())

    assert difference(shown) < 25
    assert all(difference(shown.transpose(how)) > 34 for how in list(Image.Transpose)[:2])


def decode(hashed: str, width: int, height: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Decode a hash as its description says: https://github.com/woltapp/blurhash/blob/master/Algorithm.md"""

    def number(text: str) -> int:
        value = 0
        for digit in text:
            value = value * 83 + DIGITS.index(digit)
        return value

    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    size = number(hashed[0])
    across, down = size % 9 + 1, size // 9 + 1
    assert (across, down) == (ACROSS, DOWN)
    assert len(hashed) == 4 + 2 * across * down
    largest = (number(hashed[1]) + 1) / 166
    mean = number(hashed[2:6])
    factors = [[linear(mean >> shift & 255) for shift in (16, 8, 0)]]
    for at in range(6, len(hashed), 2):
        value = number(hashed[at : at + 2])
        levels = (value // 361, value // 19 % 19, value % 19)
        factors.append([math.copysign(((level - 9) / 9) ** 2, level - 9) * largest for level in levels])
    picture = np.zeros((height, width, 3))
    for j in range(down):
        for i in range(across):
            wave = np.outer(
                np.cos(np.pi * j * np.arange(height) / height), np.cos(np.pi * i * np.arange(width) / width)
            )
            picture += wave[:, :, None] * np.array(factors[j * across + i])
    clipped = picture.clip(0, 1)
    curved = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return (curved * 255 + 0.5).astype(np.uint8)
