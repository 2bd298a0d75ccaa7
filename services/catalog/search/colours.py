"""The names of colours by which pictures are found. Pure functions."""

import colorsys
import re

CODE = "#[0-9a-fA-F]{6}"
"""The regular expression of a colour such as #a1b2c3."""
_BLACK, _WHITE, _GREY = 0.12, 0.9, 0.12
"""A lightness up to the first is black and from the second on white. A colour with less saturation is grey."""
_HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (260, "blue"),
    (290, "purple"),
    (345, "pink"),
    (360, "red"),
)
"""Where each colour ends on the wheel of hues, in degrees."""
NAMES = ("black", "grey", "white", *dict.fromkeys(name for _, name in _HUES))


def is_code(text: str) -> bool:
    """Say whether a text is a colour such as #a1b2c3."""
    return re.fullmatch(CODE, text) is not None


def name_of(code: str) -> str:
    """Return the name of a colour such as #a1b2c3."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if lightness <= _BLACK:
        return "black"
    if lightness >= _WHITE:
        return "white"
    if saturation < _GREY:
        return "grey"
    return next(name for end, name in _HUES if hue * 360 <= end)
