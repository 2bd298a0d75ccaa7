"""What the stored bytes of a picture show, as far as it can be told. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SIDES = ("width", "height")
_SIDE_MAX = 2**31 - 1
_BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,200}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the jobs worker finds out after an upload; each is None until then, or if it cannot be found out.

    Sides are pixels of the upright picture (for an SVG, the sides that it states), both or none. docs/integrating.md
    says what `blurhash` and `dominant_color` are.
    """

    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    dominant_color: str | None = None


NO_FACTS = Facts()
FACTS = tuple(Facts.__slots__)


def problem(given: Mapping[str, object]) -> str | None:
    """Say what is wrong with facts from elsewhere; None if they are valid."""
    for name in _SIDES:
        side = given[name]
        if side is not None and not (type(side) is int and 0 < side <= _SIDE_MAX):
            return f"{name} must not be {side!r}"
    if (given["width"] is None) != (given["height"] is None):
        return "width and height must be given together"
    for name, pattern in (("blurhash", _BLURHASH), ("dominant_color", _COLOUR)):
        text = given[name]
        if text is not None and not (isinstance(text, str) and pattern.fullmatch(text)):
            return f"{name} must not be {text!r}"
    return None
