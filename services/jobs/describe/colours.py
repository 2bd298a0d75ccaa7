"""The dominant colour of a picture. Pure."""

from collections import defaultdict
from collections.abc import Iterable

_SHIFT = 5
"""Bits by which a channel is made coarser: 8 shades of each, 512 colours."""
_OPAQUE = 128
"""Pixels with less are not counted: what is behind them shows through."""


def dominant(pixels: Iterable[tuple[int, ...]]) -> str | None:
    """Return the most frequent colour as `#a1b2c3`; None when all is transparent. Pixels are sRGB with alpha.

    They are counted by coarse colours, 32 shades of each channel together. The answer is the mean of the pixels of
    the most frequent one, of equally frequent ones the darkest.
    """
    sums: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for red, green, blue, alpha in pixels:
        if alpha >= _OPAQUE:
            of_this = sums[red >> _SHIFT, green >> _SHIFT, blue >> _SHIFT]
            of_this[0] += 1
            of_this[1] += red
            of_this[2] += green
            of_this[3] += blue
    if not sums:
        return None
    coarse = min(sums, key=lambda found: (-sums[found][0], sum(found), found))
    count, *channels = sums[coarse]
    return "#" + "".join(f"{round(channel / count):02x}" for channel in channels)
