"""How large an SVG says that it is. Pure: nothing is drawn, and nothing behind its first tag is read."""

import re

from services.core.assets.svg import parse_root

_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
"""Pixels of each absolute unit of CSS."""
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,2})?"
_LENGTH = re.compile(rf"\s*({_NUMBER})(px|pt|pc|in|cm|mm|)\s*")
_VIEW = re.compile(rf"\s*{_NUMBER}[\s,]+{_NUMBER}[\s,]+({_NUMBER})[\s,]+({_NUMBER})\s*")
_SIDE_MAX = 1_000_000
_NAME = re.compile(rb"<[^\s/>]+")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


def size(text: bytes) -> tuple[float, float] | None:
    """Return the width and the height of an SVG in pixels, from its attributes or else its viewBox.

    A side that is missing or relative follows from the other one and the viewBox. None when they say nothing.
    """
    found: dict[str, str] = {}

    def reached(name: str, attributes: dict[str, str], _: int) -> None:
        if name.rpartition(":")[2] == "svg":
            found.update(attributes)

    parse_root(text, reached)
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
    return width, height


def enlarged(text: bytes, width: float, height: float, factor: float) -> bytes:
    """Return a drawing of this size `factor` times as large, with new sides in its first tag.

    Readers count the sides of a drawing in whole pixels, so a side below one pixel counts as 0.
    """
    at = 0

    def reached(_: str, __: object, start: int) -> None:
        nonlocal at
        at = start

    parse_root(text, reached)
    name = _NAME.match(text, at)
    assert name  # The parser has read the document up to here.
    end = name.end()
    kept: list[bytes] = []
    while attribute := _ATTRIBUTE.match(text, end):
        end = attribute.end()
        if attribute[1] not in (b"width", b"height"):
            kept.append(attribute[0])
    if not any(one.lstrip().startswith(b"viewBox") for one in kept):
        kept.append(f' viewBox="0 0 {width:.12g} {height:.12g}"'.encode())
    kept.append(f' width="{width * factor:.12g}" height="{height * factor:.12g}"'.encode())
    return text[: name.end()] + b"".join(kept) + text[end:]


def _pixels(length: str) -> float:
    """Return a length in pixels; 0 for a relative one, such as a percentage."""
    match = _LENGTH.fullmatch(length)
    return max(0.0, float(match[1]) * _PIXELS[match[2]]) if match else 0.0
