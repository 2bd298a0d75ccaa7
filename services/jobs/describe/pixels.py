"""Pixels of pictures in Pillow: made fewer, converted, turned. Imported only in a sandbox: see inspection.py."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its orientation as in EXIF."""
_LINES = 64
"""Lines that are worked on at a time, so that there is no second copy of the whole picture in another mode."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""
Intent = ImageCms.Intent


def averaged(image: Image.Image, factor: int, covered: Box | None = None) -> Image.Image:
    """Return a picture of which each pixel is the mean of a square of `factor` times `factor`.

    The part outside of `covered`, if that is given, is transparent.
    """
    width, height = image.size
    holed = covered is not None and not _contains(covered, width, height)
    small: Image.Image | None = None
    rows = max(1, _LINES // factor)
    for row in range(0, -(-height // factor), rows):
        top = row * factor
        band = image.crop((0, top, width, min(top + rows * factor, height)))
        if holed and covered:
            band = _with_holes(band, covered, top)
        elif image.has_transparency_data:
            band = band.convert("RGBA")
        elif image.mode.startswith("I;16"):
            band = band.point(lambda value: value * (1 / 256)).convert("L")
        elif image.mode not in ("RGB", "CMYK", "L"):
            band = band.convert("RGB")
        band = band.reduce(factor)
        small = small or Image.new(band.mode, (band.width, -(-height // factor)))
        small.paste(band, (0, row))
    assert small
    return small


def _contains(covered: Box, width: int, height: int) -> bool:
    left, top, right, bottom = covered
    return left <= 0 and top <= 0 and right >= width and bottom >= height


def _with_holes(band: Image.Image, covered: Box, start: int) -> Image.Image:
    """Return a band of an opaque picture, from line `start` on. The uncovered part is transparent."""
    alpha = Image.new("L", band.size)
    left, top, right, bottom = covered
    alpha.paste(255, (left, max(0, top - start), right, max(0, bottom - start)))
    band = band.convert("RGB").convert("RGBA")
    band.putalpha(alpha)
    return band


def with_profile(image: Image.Image, profile: bytes, intent: Intent = Intent.PERCEPTUAL) -> Image.Image | None:
    """Return the colours of a picture, without transparency, as sRGB; None if its profile is broken, or for others."""
    try:
        return ImageCms.applyTransform(image, _to_srgb(profile, image.mode, intent))
    except (ImageCms.PyCMSError, OSError):
        return None


@lru_cache(maxsize=2)  # All photographs of a phone have the same profile. It is needed for the facts and the reduction.
def _to_srgb(profile: bytes, mode: str, intent: Intent) -> ImageCms.ImageCmsTransform:
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(own, srgb, mode, "RGB", intent)


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Return a picture turned as its orientation says."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image
