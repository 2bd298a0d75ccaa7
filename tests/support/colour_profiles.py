"""Colour profiles, made of LittleCMS' own sRGB with other primaries."""

import io
import struct

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
