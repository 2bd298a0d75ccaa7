"""What an address can say of a picture in words and points. Pure data."""

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
