"""What is to be made of a stored image. Pure data: two equal plans give the same bytes from the same source."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["webp", "avif", "jpeg", "png", "plain"]
"""`plain` is what every browser shows: JPEG, or PNG where there is transparency."""

Fit = Literal["cover", "contain", "fill"]
"""How both sides are met: `cover` fills the box and cuts what stands out, `contain` keeps the whole image inside it
(the result is as large as the image is then, nothing is padded), `fill` stretches it to the box."""


@dataclass(frozen=True, slots=True)
class Focus:
    """The point that a cut keeps as near to its middle as it can, 0 to 1 from the upper left of the upright image."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that changes the bytes of a rendition, apart from its source and the renderer's REVISION.

    Sides are in pixels and 0 is free; nothing is ever enlarged. A quality of 0 follows the size of the result. `focus`
    is for `cover`: None cuts the middle out, "smart" what people look at. With `max_bytes` the quality is lowered until
    the result is no larger, as far as that goes; 0 is no budget.
    """

    width: int = 0
    height: int = 0
    quality: int = 0
    format: Format = "webp"
    fit: Fit = "cover"
    focus: Focus | Literal["smart"] | None = None
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render has made: `media_type` is what the bytes are, which need not be the format that was planned."""

    content: bytes
    media_type: str
    width: int
    height: int
