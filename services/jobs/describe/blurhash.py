"""BlurHash: a blurred picture in a few characters, by the algorithm that is published at blurha.sh. Pure.

A picture is written as a few cosine waves for each linear colour: the mean, then the other ACROSS by DOWN waves, all in
digits of base 83.
"""

import math
from collections.abc import Sequence

ACROSS, DOWN = 4, 3
"""Waves in each direction: 28 characters."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_LEVELS = 19
"""Steps of the strength of a wave in one colour."""

Pixel = tuple[int, ...]
Colour = tuple[float, float, float]


def encode(pixels: Sequence[Sequence[Pixel]]) -> str:
    """Return the hash of rows of sRGB pixels, 8 bits each. A few dozen in each direction are enough."""
    mean, *waves = _factors(pixels)
    strongest = max(abs(share) for wave in waves for share in wave)
    level = max(0, min(82, math.floor(strongest * 166 - 0.5)))
    scale = (level + 1) / 166
    coded = [_digits((ACROSS - 1) + (DOWN - 1) * 9, 1), _digits(level, 1), _digits(_of_mean(mean), 4)]
    return "".join([*coded, *(_digits(_of_wave(wave, scale), 2) for wave in waves)])


def _factors(pixels: Sequence[Sequence[Pixel]]) -> list[Colour]:
    height, width = len(pixels), len(pixels[0])
    across = [[math.cos(math.pi * wave * x / width) for x in range(width)] for wave in range(ACROSS)]
    down = [[math.cos(math.pi * wave * y / height) for y in range(height)] for wave in range(DOWN)]
    # First the strength of each wave in each row and colour, then the same downwards over these.
    rows = [
        [[sum(map(_product, curve, line)) for line in zip(*map(_linear, row), strict=True)] for curve in across]
        for row in pixels
    ]
    found = []
    for j, curve in enumerate(down):
        for i in range(ACROSS):
            weight = (1 if i == j == 0 else 2) / (width * height)
            red, green, blue = (
                weight * sum(c * row[i][k] for c, row in zip(curve, rows, strict=True)) for k in range(3)
            )
            found.append((red, green, blue))
    return found


def _product(one: float, other: float) -> float:
    return one * other


def _to_linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


_LINEAR = [_to_linear(value) for value in range(256)]


def _linear(pixel: Pixel) -> Colour:
    return _LINEAR[pixel[0]], _LINEAR[pixel[1]], _LINEAR[pixel[2]]


def _to_srgb(share: float) -> int:
    share = max(0.0, min(1.0, share))
    curved = share * 12.92 if share <= 0.0031308 else 1.055 * share ** (1 / 2.4) - 0.055
    return int(curved * 255 + 0.5)


def _of_mean(mean: Colour) -> int:
    red, green, blue = map(_to_srgb, mean)
    return (red << 16) + (green << 8) + blue


def _of_wave(wave: Colour, scale: float) -> int:
    coded = 0
    for share in wave:
        rooted = math.copysign(math.sqrt(abs(share / scale)), share)
        coded = coded * _LEVELS + max(0, min(_LEVELS - 1, math.floor(rooted * 9 + 9.5)))
    return coded


def _digits(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))
