"""Colour profiles, made of LittleCMS' own sRGB with other primaries, and unusual ways to store one in a JPEG."""

import io
import struct
from collections.abc import Callable

from PIL import ImageCms

ADOBE_RGB = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}
"""Adapted to D50: Adobe RGB (1998), 4.3.5.1; with sRGB's tone curve."""
DISPLAY_P3 = {
    b"rXYZ": (0.51512, 0.2412, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.1571, 0.06657, 0.78407),
}
"""Adapted to D50, as Apple's profile has them; its tone curve is sRGB's."""


def srgb() -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def wide_gamut(primaries: dict[bytes, tuple[float, float, float]] = ADOBE_RGB) -> bytes:
    """Return a profile with the given primaries and the tone curve of sRGB."""
    raw = bytearray(srgb())
    for at in range(132, 132 + 12 * int.from_bytes(raw[128:132], "big"), 12):
        name, start = bytes(raw[at : at + 4]), int.from_bytes(raw[at + 4 : at + 8], "big")
        if name in primaries:
            raw[start + 8 : start + 20] = struct.pack(">3i", *(round(65536 * value) for value in primaries[name]))
    return bytes(raw)


def profile(raw: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(raw))


def _twice(content: bytes) -> bytes:
    before, stored, after = _around_profile(content)
    return before + 2 * stored + after


def _without_its_second_piece(content: bytes) -> bytes:
    before, stored, after = _around_profile(content)
    count = len(b"\xff\xe2..ICC_PROFILE\0.")
    return before + stored[:count] + b"\x02" + stored[count + 1 :] + after


def _after_the_frame_header(content: bytes) -> bytes:
    before, stored, after = _around_profile(content)
    scan = after.index(b"\xff\xda")
    return before + after[:scan] + stored + after[scan:]


def _around_profile(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what is before, in and after the only ICC segment of a JPEG."""
    start = content.index(b"ICC_PROFILE\0") - 4
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    return content[:start], content[start:end], content[end:]


LAYOUTS: dict[str, Callable[[bytes], bytes]] = {
    "twice": _twice,
    "without its second piece": _without_its_second_piece,
    "after the frame header": _after_the_frame_header,
}
"""What makes, of a JPEG with a profile in one piece, one whose profile libvips finds and Pillow does not."""
