"""The quick way to a WebP: the same libwebp as in libvips, but as Pillow has it built.

Pillow's and libvips' wheels hold the same encoder, and from the same pixels and settings it makes the same bytes.
Pillow's takes 0.8 of the time (docs/performance.md). It cannot be stopped, so it is used for pictures that take only
a moment. libvips' own encoder, which can be stopped, has the others.
"""

import io

from PIL import Image, WebPImagePlugin

from services.core.assets.containers import Memory
from services.core.assets.containers.webp import chunks

PIXELS_MAX = 4_000_000
"""About a third of a second: with effort 4 it is 70 to 90 ms a megapixel."""

_EXTENDED, _FLAGS, _SIDES, _ALPHA = slice(12, 16), 20, slice(24, 30), 0x10
_FRAME_HEAD, _CLEARED = 16, 0x01


def encode(pixels: bytes, width: int, height: int, quality: int, effort: int) -> bytes:
    """Return the WebP of 8-bit sRGB pixels without transparency, without metadata."""
    out = io.BytesIO()
    picture = Image.frombuffer("RGB", (width, height), pixels, "raw", "RGB", 0, 1)
    picture.save(out, WebPImagePlugin.WebPImageFile.format, quality=quality, method=effort)
    return out.getvalue()


def announcing_alpha(content: bytes) -> bytes:
    """Return a WebP that says that something is transparent, if the canvas of an animation is not covered.

    The encoder stores the part of a canvas that is not empty. If that is opaque it does not say so, and readers fill
    the rest with black (RFC 9649, 2.7.1).
    """
    if content[_EXTENDED] != b"VP8X" or not _is_uncovered(content):
        return content
    return content[:_FLAGS] + bytes([content[_FLAGS] | _ALPHA]) + content[_FLAGS + 1 :]


def _is_uncovered(content: bytes) -> bool:
    """Say whether the first frame of an animation leaves something out, or any frame is cleared away."""
    bodies = (chunk.body for chunk in chunks(Memory(content), len(content)) if chunk.name == b"ANMF")
    frames = [content[body : body + _FRAME_HEAD] for body in bodies]
    return bool(frames) and (
        frames[0][:12] != bytes(6) + content[_SIDES] or any(frame[-1] & _CLEARED for frame in frames[:-1])
    )
