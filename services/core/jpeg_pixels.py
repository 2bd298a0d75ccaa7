"""Whether all pixels are in a JPEG that has no end mark. Only decoding it tells, so it takes as long as that, twice.

Pillow does it. A module that imports this one has Pillow, and bounds the pixels first.
"""

import hashlib
import io

from PIL import JpegImagePlugin

from services.core.assets.containers import jpeg

_RESTARTS = tuple(bytes([0xFF, 0xD0 + number]) for number in range(8))
_FILLINGS = tuple(filling * 64 + b"".join(mark + filling * 64 for mark in _RESTARTS) for filling in (b"\x55", b"\xaa"))
"""Two bytes in which no bit is the same. Where the source ends before a restart mark, a decoder skips all up to one."""


def are_all_there(source: bytes) -> bool:
    """Say whether a JPEG that ends in its picture data shows the same picture, no matter which bytes follow."""
    try:
        return len({_digest(jpeg.with_end(source, filling)) for filling in _FILLINGS}) == 1
    except (OSError, SyntaxError):
        return False


def _digest(source: bytes) -> bytes:
    return hashlib.sha256(JpegImagePlugin.JpegImageFile(io.BytesIO(source)).tobytes()).digest()
