"""What a raster picture shows, by Pillow. Imported only in a sandbox: see inspection.py."""

import io

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps

from services.core.assets import media_types
from services.jobs.describe.blurhash import encode
from services.jobs.describe.colours import dominant

SIDE = 64
"""Pixels of the longer side of what colours are taken from, at most: larger pictures are averaged in whole squares. And
pixels of both sides of what is blurred: a blurhash knows no shape, and of a few pixels it would show what is not there.
"""
_KINDS = {
    media_types.JPEG: "JPEG",
    media_types.PNG: "PNG",
    media_types.WEBP: "WEBP",
    media_types.GIF: "GIF",
    media_types.AVIF: "AVIF",
    media_types.TIFF: "TIFF",
}
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # There is a limit of our own.


def seen(source: bytes, media_type: str, pixels: int) -> dict[str, object]:
    """Return the facts about a picture, of an animation those of its first frame.

    Raises ValueError for a type that is not looked at or more pixels than allowed, and whatever a decoder raises.
    """
    if media_type not in _KINDS:
        raise ValueError(f"{media_type} is not looked at")
    image = Image.open(io.BytesIO(source), formats=[_KINDS[media_type]])
    width, height = image.size
    if width * height > pixels:
        raise ValueError(f"it has {width}x{height} pixels")
    image.draft(None, (SIDE, SIDE))  # A JPEG is decoded no larger than needed.
    image.load()
    if image.format == "TIFF":
        width, height = image.size  # It is turned by now.
    orientation = _orientation(image)
    if orientation in _TURNED:
        width, height = height, width
    small = _reduced(image)
    small.getexif()[_ORIENTATION] = orientation
    small = ImageOps.exif_transpose(small)
    shown = Image.new("RGBA", small.size, "white")
    shown.alpha_composite(small)
    square = shown.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return {
        "width": width,
        "height": height,
        "blurhash": encode([_pixels(square.crop((0, y, SIDE, y + 1))) for y in range(SIDE)]),
        "dominant_color": dominant(_pixels(small)),
    }


def _orientation(image: Image.Image) -> int:
    # The frames of an animation are not turned when they are delivered.
    animated = image.format == "WEBP" and getattr(image, "n_frames", 1) > 1
    found = image.getexif().get(_ORIENTATION, 1)
    return 1 if animated or found not in range(1, 9) else found


def _reduced(image: Image.Image) -> Image.Image:
    """Return a picture with SIDE pixels at most on its longer side, as sRGB with alpha."""
    width, height = image.size
    factor = -(-max(width, height) // SIDE)
    small: Image.Image | None = None
    # In bands, so that there is no second copy of the whole in another mode.
    for row, top in enumerate(range(0, height, factor)):
        band = image.crop((0, top, width, min(top + factor, height)))
        if image.has_transparency_data:
            band = band.convert("RGBA")
        elif image.mode.startswith("I;16"):
            band = band.point(lambda value: value * (1 / 256)).convert("L")
        elif image.mode not in ("RGB", "CMYK", "L"):
            band = band.convert("RGB")
        band = band.reduce(factor)
        small = small or Image.new(band.mode, (band.width, -(-height // factor)))
        small.paste(band, (0, row))
    assert small
    colours = _in_srgb(small, image.info.get("icc_profile"))
    if small.mode == "RGBA":
        colours.putalpha(small.getchannel("A"))
    return colours.convert("RGBA")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    if profile:
        try:
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colours, own, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # It is broken, or for other colours than these.
        if converted:
            return converted
    return colours.convert("RGB")


def _pixels(image: Image.Image) -> list[tuple[int, ...]]:
    content, bands = image.tobytes(), len(image.getbands())
    return list(zip(*(content[band::bands] for band in range(bands)), strict=True))
