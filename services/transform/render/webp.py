"""What libvips leaves out of a WebP."""

from services.core.assets.containers import Memory
from services.core.assets.containers.webp import chunks

_EXTENDED, _FLAGS, _SIDES, _ALPHA = slice(12, 16), 20, slice(24, 30), 0x10
_FRAME_HEAD, _CLEARED = 16, 0x01


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
