"""Blur: a Gaussian blur of the result.

The work of a blur grows with its sigma. So a strong one is made of a smaller picture, which is as smooth as the whole
one would be: the cost stays near that of encoding the result (docs/rendering.md).
"""

from dataclasses import dataclass
from typing import Any

_FINE = 2.0
"""Sigma below which the eight bits of libvips' fast way are too coarse."""
_WHOLE = 20.0
"""Sigma up to which the whole picture is blurred."""
_SMALL = 10.0
"""Sigma, at least, that a strong blur has in the smaller picture."""
_LEAST = 0.05
"""What the furthest neighbour counts, at least, beside the pixel itself."""


@dataclass(frozen=True, slots=True)
class Blur:
    """`sigma` is in pixels of the result."""

    sigma: float

    def apply(self, image: Any) -> Any:
        if self.sigma < _FINE:
            return image.gaussblur(self.sigma, precision="float", min_ampl=0.001)
        image = image.cast("ushort" if image.interpretation in ("rgb16", "grey16") else "uchar")
        if self.sigma <= _WHOLE:
            return _blurred(image, self.sigma)
        factor = self.sigma / _SMALL
        small = image.resize(
            max(1, round(image.width / factor)) / image.width,
            vscale=max(1, round(image.height / factor)) / image.height,
            kernel="linear",
        )
        blurred = _blurred(small, _SMALL)
        return blurred.resize(image.width / small.width, vscale=image.height / small.height, kernel="linear")


def _blurred(image: Any, sigma: float) -> Any:
    return image.gaussblur(sigma, precision="integer", min_ampl=_LEAST)
