"""How large an SVG says that it is. Pure: nothing is drawn, and nothing behind its first tag is read."""

import re
from xml.parsers import expat

_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
"""Of each unit of CSS that says how long it is."""
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,2})?"
_LENGTH = re.compile(rf"\s*({_NUMBER})(px|pt|pc|in|cm|mm|)\s*")
_VIEW = re.compile(rf"\s*{_NUMBER}[\s,]+{_NUMBER}[\s,]+({_NUMBER})[\s,]+({_NUMBER})\s*")
_SIDE_MAX = 1_000_000


class _Root(Exception):
    """Has been reached: the rest of the document is of no interest."""


def size_of(source: bytes) -> tuple[int, int] | None:
    """Return the width and the height of an SVG in pixels, from its attributes or else its viewBox.

    A side that is missing or relative follows from the other one and the viewBox. None when they say nothing.
    """
    found = _attributes(source)
    width, height = _pixels(found.get("width", "")), _pixels(found.get("height", ""))
    view = _VIEW.fullmatch(found.get("viewBox", ""))
    if view and not (width and height):
        across, down = float(view[1]), float(view[2])
        if not (across > 0 and down > 0):
            return None
        if width or height:
            width, height = width or height * across / down, height or width * down / across
        else:
            width, height = across, down
    if not (0 < width <= _SIDE_MAX and 0 < height <= _SIDE_MAX):
        return None
    return max(1, round(width)), max(1, round(height))


def _attributes(source: bytes) -> dict[str, str]:
    """Return the attributes of the root; none when it is no SVG."""
    found: dict[str, str] = {}
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "svg":
            found.update(attributes)
        raise _Root

    parser.StartElementHandler = start
    try:
        parser.Parse(source, True)
    except (_Root, expat.ExpatError, ValueError, LookupError):
        return found
    return found


def _pixels(length: str) -> float:
    """Return a length in pixels; 0 for one that says nothing by itself, a share of something say."""
    match = _LENGTH.fullmatch(length)
    return max(0.0, float(match[1]) * _PIXELS[match[2]]) if match else 0.0
