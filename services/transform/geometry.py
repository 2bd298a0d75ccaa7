"""Sizes in pixels. Pure."""

from dataclasses import dataclass

WEBP_SIDE_MAX = 16383
"""Pixels; the format has no more (RFC 9649, 2.5). What is larger is scaled down to it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Scale to `width`×`height`, then cut `crop_width`×`crop_height` out of the middle."""

    width: int
    height: int
    crop_width: int
    crop_height: int


def fit(source_width: int, source_height: int, width: int, height: int) -> Fit:
    """Return how a source fills the box `width`×`height` without ever growing; a side of 0 is free.

    With both sides given the scaled image covers the box, and what stands out is cut; where the source is smaller
    than the box, the result has the source's size on that side (as sharp's and libvips' cover without enlargement).
    """
    wanted_x = width / source_width if width else 0.0
    wanted_y = height / source_height if height else 0.0
    scale = min(max(wanted_x, wanted_y) or 1.0, 1.0)
    found = _at(scale, source_width, source_height, width, height)
    largest = max(found.crop_width, found.crop_height)
    if largest <= WEBP_SIDE_MAX:
        return found
    return _at(scale * WEBP_SIDE_MAX / largest, source_width, source_height, width, height)


def _at(scale: float, source_width: int, source_height: int, width: int, height: int) -> Fit:
    scaled_width = max(1, round(source_width * scale))
    scaled_height = max(1, round(source_height * scale))
    return Fit(
        width=scaled_width,
        height=scaled_height,
        crop_width=min(width or scaled_width, scaled_width),
        crop_height=min(height or scaled_height, scaled_height),
    )


def quality_for(width: int, height: int) -> int:
    """Return the WebP quality for an output of this size: small pictures bear more compression."""
    side = max(width, height)
    return 75 if side <= 200 else 80 if side <= 800 else 85
