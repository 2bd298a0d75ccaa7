"""The quick way from a JPEG to pixels: the same decoder as in libvips, but as Pillow has it built, and all at once.

From the same bytes it makes the same pixels in 0.7 to 0.8 of the time (docs/performance.md). It holds the whole
picture, so it is used for small ones only. libvips' own decoder, which goes from line to line, has the others.
"""

import io
from dataclasses import dataclass

from PIL import JpegImagePlugin

from services.transform.render.stop import Stop

PIXELS_MAX = 1_000_000
"""As it is decoded. Seven bytes each are held, four of Pillow's and three of what libvips goes on with; beyond, filling
them takes what the decoder saves."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """8 bits of red, green and blue each, `stride` pixels in a row of memory, of which `width` are the picture's.

    `profile` is the ICC profile in the file, empty if there is none, or if only libvips finds it.
    """

    content: bytes
    width: int
    height: int
    stride: int
    rows: int
    profile: bytes = b""


class _Source(io.BytesIO):
    """The bytes of a file, handed out in pieces for as long as the render is not to be ended."""

    def __init__(self, content: bytes, stop: Stop) -> None:
        super().__init__(content)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        self._stop.check()
        return super().read(size)


def decode(source: bytes, shrink: int, stop: Stop) -> Pixels | None:
    """Return a colour JPEG of 8 bits, made smaller by `shrink` (1, 2, 4, 8) while it is decoded.

    None if it is large, or if Pillow does not take it: libvips says what is wrong with it. Raises what
    `stop` was pulled with.
    """
    try:
        picture = JpegImagePlugin.JpegImageFile(_Source(source, stop))
        width, height = picture.width // shrink, picture.height // shrink
        if picture.mode != "RGB" or not 0 < width * height <= PIXELS_MAX:
            return None
        picture.draft("RGB", (width, height))
        # As libvips has it: where the last column or row stands for fewer pixels than the others, it is left out.
        profile = picture.info.get("icc_profile") or b""  # None, if its pieces do not fit together.
        return Pixels(picture.tobytes(), width, height, picture.width, picture.height, profile)
    except Exception:  # noqa: BLE001 - whatever a reader of strangers' headers stumbles over, libvips has its say
        stop.check()
        return None
