"""What a render costs in seconds of processor time, estimated before anything of it is done. Pure.

The numbers are those of `python -m tests.programs.render_costs`, which shows estimates beside what it measures:
2026-11-30, libvips 8.18 as bundled, one of two shared cores. For photographs an estimate is off by a factor of two at
most. It is high rather than low where nobody has looked: how often a budget of bytes is tried for, how many frames an
animation has, how large a picture is whose facts are not known yet. It does not know of colour profiles.
"""

import math
from dataclasses import dataclass, replace

from services.core.assets.media_types import AVIF, GIF, HEIC, JPEG, PNG, TIFF, WEBP
from services.transform.render import formats
from services.transform.render.geometry import Box, fit, jpeg_shrink
from services.transform.render.guard import DRAWN, Limits
from services.transform.render.plan import Plan

_MEGA = 1_000_000
_ALWAYS = 0.005
"""Seconds: reading the file and its header, changing threads."""
_DECODE = {PNG: 0.016, WEBP: 0.010, AVIF: 0.043, HEIC: 0.043, GIF: 0.012, TIFF: 0.005}
"""Seconds per megapixel of a source, to decode it and make it smaller. JPEG has two parts (`_jpeg`)."""
_JPEG_READ, _JPEG_MADE = 0.0015, 0.006
"""Seconds per megapixel of a JPEG: that is read, and that is made of it, after shrinking while it is decoded."""
_DRAW, _DRAW_START = 0.02, 0.15
"""Seconds to draw a document: per megapixel, and to start the process that does it."""
_BYTES_PER_PIXEL = {JPEG: 0.1, PNG: 0.1, WEBP: 0.05, AVIF: 0.03, HEIC: 0.05, GIF: 0.1, TIFF: 0.3}
"""Of large pictures with few details. By it a size is guessed: a picture has hardly more pixels."""
_BYTES_PER_FRAME_PIXEL = {GIF: 0.4, WEBP: 1.0}
"""An animation has about so many bytes for each pixel of each frame; a picture hardly more."""
_EFFECT = 0.05
"""Seconds per megapixel of the result (docs/rendering.md, Blur)."""
_SMART = 0.05
"""Seconds per megapixel before the cut."""
_ENCODE = {AVIF: 0.47, JPEG: 0.022, PNG: 0.068}
"""Seconds per megapixel of the result."""
_ENCODE_WEBP = {2: 0.045, 4: 0.080}
"""The same, by effort."""
_PALETTE = 0.28
"""Seconds per megapixel to bring a PNG down to so many colours."""
_TRIES = 5
"""Encodings that a budget of bytes may cost after the first (`steps/budget.py`)."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the catalog says of a stored file. Sides are pixels of the upright picture, 0 while nobody knows them."""

    media_type: str
    size: int
    """Bytes."""
    width: int = 0
    height: int = 0


def estimate(source: Source, plan: Plan, limits: Limits) -> float:
    """Return the seconds of processor time that a rendition is going to take."""
    drawn = source.media_type in DRAWN
    known = source if source.width and source.height else _guessed(source, limits)
    box = fit(known.width, known.height, plan, formats.side_max(plan.format, limits), enlarge=drawn)
    scaled, made = box.width * box.height / _MEGA, box.crop_width * box.crop_height / _MEGA
    frames = _frames(known, plan, limits)
    seconds = _ALWAYS + (_DRAW_START + _DRAW * scaled if drawn else _decoding(known, box, plan) * frames)
    if plan.focus == "smart":
        seconds += _SMART * scaled
    seconds += len(plan.effects) * _EFFECT * made * frames
    return seconds + _encoding(plan, limits, box, frames)


def _guessed(source: Source, limits: Limits) -> Source:
    """Return a source with sides: as large as a picture of so many bytes is at most."""
    if source.media_type in DRAWN:
        return replace(source, width=limits.side // 4, height=limits.side // 4)
    pixels = min(source.size / _BYTES_PER_PIXEL.get(source.media_type, 0.1), limits.pixels)
    side = max(1, round(math.sqrt(pixels)))
    return replace(source, width=side, height=side)


def _frames(source: Source, plan: Plan, limits: Limits) -> float:
    pixels = source.width * source.height
    each = _BYTES_PER_FRAME_PIXEL.get(source.media_type)
    if each is None:
        return 1
    frames = min(source.size / (each * pixels), limits.frame_pixels / pixels, limits.frames)
    return frames if formats.animated(plan.format, math.ceil(frames)) else 1


def _decoding(source: Source, box: Box, plan: Plan) -> float:
    pixels = source.width * source.height / _MEGA
    if source.media_type != JPEG:
        return _DECODE.get(source.media_type, max(_DECODE.values())) * pixels
    factor = min(source.width / box.width, source.height / box.height)
    made = pixels / jpeg_shrink(factor, reduced=plan.reduced is not None) ** 2
    return _JPEG_READ * pixels + _JPEG_MADE * made


def _encoding(plan: Plan, limits: Limits, box: Box, frames: float) -> float:
    """Return the seconds to encode what is cut out of a box, as often as the plan may ask for."""
    width, height = box.crop_width, box.crop_height
    encoding = formats.choose(plan, limits, width, height, math.ceil(frames), transparent=False)
    each = _ENCODE_WEBP[encoding.effort] if encoding.media_type == WEBP else _ENCODE[encoding.media_type]
    made = width * height / _MEGA * frames
    if not plan.max_bytes:
        return each * made
    again = len(formats.COLOURS) * _PALETTE if encoding.media_type == PNG else _TRIES * each
    return (each + again) * made
