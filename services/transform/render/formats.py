"""Which encoder makes a rendition, how well and with how much effort. Pure; the numbers are from docs/rendering.md."""

from dataclasses import dataclass
from typing import Any

from services.core.addresses.values import Format
from services.core.assets import media_types
from services.core.assets.media_types import AVIF, JPEG, PNG, WEBP
from services.transform.render.geometry import quality_for
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

QUALITY_MIN = 20
"""Below it a byte budget is not worth meeting: the picture would be no use."""
COLOURS = (256, 16)
"""What a byte budget does to a PNG, one after the other. libvips takes the bit depth from it, and PNG knows 8 and 4."""

_SIDE_MAX = {WEBP: 16383, AVIF: 65535, JPEG: 65500, PNG: 2**31 - 1}
"""Pixels that the formats can have: RFC 9649 2.5, the 16 bits of AV1's header, mozjpeg, PNG."""
_QUALITIES = {
    AVIF: ((0, 0), (30, 40), (60, 53), (75, 58), (80, 64), (85, 70), (90, 80), (95, 90), (100, 100)),
    JPEG: ((0, 0), (30, 41), (60, 69), (75, 79), (80, 84), (85, 88), (95, 91), (100, 100)),
}
"""(quality of a WebP, that of the format which looks the same by SSIM); between them it is a straight line."""
_LARGE = 4_000_000
"""Pixels, all frames counted, above which less effort is made."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to encode. Quality is on the scale of WebP, whatever the format; `colours` are those of a small PNG."""

    media_type: str
    quality: int
    effort: int = 0
    lossless: bool = False
    colours: int = 0

    def options(self) -> dict[str, Any]:
        """Return what libvips' saver of the type is told."""
        match self.media_type:
            case media_types.WEBP:
                return {"Q": self.quality, "effort": self.effort, "lossless": self.lossless}
            case media_types.AVIF:
                quality = scaled(self.quality, _QUALITIES[AVIF])
                return {"Q": quality, "effort": self.effort, "compression": "av1", "bitdepth": 8}
            case media_types.JPEG:
                quality = scaled(self.quality, _QUALITIES[JPEG])
                return {"Q": quality, "optimize_coding": True, "interlace": True}
            case _:
                palette = {"palette": True, "colours": self.colours, "effort": 1} if self.colours else {"filter": "all"}
                return {"compression": 4, **palette}


def animated(wanted: Format, frames: int) -> bool:
    """Say whether an animation stays one. Only WebP can be one here: in other formats its first frame stands for it."""
    return frames > 1 and wanted in ("webp", "avif")


def side_max(wanted: Format, limits: Limits) -> int:
    """Return the largest side that a result can have."""
    # What is not made as AVIF is made as WebP.
    return min(limits.side, _SIDE_MAX[{"jpeg": JPEG, "png": PNG, "plain": JPEG}.get(wanted, WEBP)])


def is_png(plan: Plan, *, transparent: bool) -> bool:
    """Say whether a picture is encoded as PNG, that is without loss."""
    return plan.format == "png" or (plan.format == "plain" and transparent)


def choose(plan: Plan, limits: Limits, width: int, height: int, frames: int, *, transparent: bool) -> Encoding:
    """Return how a picture of this size is encoded; `frames` are those that are kept."""
    quality = plan.quality or quality_for(width, height)
    pixels = width * height * frames
    if plan.format == "avif" and frames == 1 and pixels <= limits.avif_pixels:
        return Encoding(AVIF, quality, effort=2)
    if plan.format in ("webp", "avif"):
        return Encoding(WEBP, quality, effort=4 if pixels <= _LARGE else 2)
    if is_png(plan, transparent=transparent):
        return Encoding(PNG, quality)
    return Encoding(JPEG, quality)


def scaled(quality: int, points: tuple[tuple[int, int], ...]) -> int:
    """Return another format's quality for one of WebP, by straight lines between measured points."""
    at = next(n for n, (known, _) in enumerate(points) if quality <= known)
    if at == 0:
        return points[0][1]
    (low, low_value), (high, high_value) = points[at - 1 : at + 1]
    return round(low_value + (quality - low) * (high_value - low_value) / (high - low))
