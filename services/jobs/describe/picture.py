"""What a raster picture shows, by Pillow. Imported only in a sandbox: see inspection.py."""

import io

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps

from services.core import jpeg_pixels
from services.core.assets import colour, media_types, orientation
from services.core.assets.containers import Malformed, Memory, gif, jpeg, png
from services.jobs.describe.blurhash import encode
from services.jobs.describe.colours import dominant

SIDE = 64
"""Maximum pixels of the longer side for colours: larger pictures are averaged in whole squares. Also the pixels of both
sides for the blurhash: it has no aspect ratio, and from only a few pixels it would show false details.
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

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # This module has its own limit.


def seen(source: bytes, media_type: str, pixels: int) -> dict[str, object]:
    """Return the facts about a picture; for an animation, about its first frame.

    Raises ValueError for an unsupported type or too many pixels, and any error of a decoder.
    """
    if media_type not in _KINDS:
        raise ValueError(f"{media_type} is not supported")
    # Pillow does not see the other chunks of a PNG: see `orientation` and `colour`.
    decoded = {media_types.PNG: png.pictured, media_types.JPEG: jpeg.mended}.get(media_type, bytes)(source)
    image = Image.open(io.BytesIO(decoded), formats=[_KINDS[media_type]])
    width, height = image.size
    if width * height > pixels:
        raise ValueError(f"it has {width}x{height} pixels")
    if media_type == media_types.JPEG and decoded is not source and not jpeg_pixels.are_all_there(source):
        raise ValueError("it is cut short")
    image.draft(None, (SIDE, SIDE))  # A JPEG is decoded no larger than needed.
    turn = _orientation(image, source, media_type)
    if media_type == media_types.TIFF:  # Pillow turns it by the orientation that it is given, and swaps the sides.
        image.getexif()[_ORIENTATION] = turn
        image.load()
        width, height = image.size
        turn = orientation.UPRIGHT
    image.load()
    width, height = orientation.turned(width, height, turn)
    small = _reduced(image, _covered(source) if media_type == media_types.GIF else None)
    small = _in_srgb(small, image.info.get("icc_profile"), colour.profile(source, media_type))
    small.getexif()[_ORIENTATION] = turn
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


def _orientation(image: Image.Image, source: bytes, media_type: str) -> int:
    # The frames of an animation are not turned when they are delivered.
    animated = media_type == media_types.WEBP and getattr(image, "n_frames", 1) > 1
    return orientation.UPRIGHT if animated else orientation.of(source, media_type)


def _covered(source: bytes) -> Box | None:
    """Return the part of the canvas that an opaque first frame of a GIF covers; None for a transparent frame."""
    try:
        first = next(gif.frames(Memory(source)), None)
    except Malformed:
        return None
    if first is None or first.transparent:
        return None
    return first.left, first.top, first.left + first.width, first.top + first.height


def _reduced(image: Image.Image, covered: Box | None) -> Image.Image:
    """Return a picture with SIDE pixels at most on its longer side. The uncovered part is transparent."""
    width, height = image.size
    factor = -(-max(width, height) // SIDE)
    holed = covered is not None and not _contains(covered, width, height)
    small: Image.Image | None = None
    # In bands, so that there is no second copy of the whole picture in another mode.
    for row, top in enumerate(range(0, height, factor)):
        band = image.crop((0, top, width, min(top + factor, height)))
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


def _in_srgb(image: Image.Image, own: bytes | None, stated: bytes | None) -> Image.Image:
    """Return a picture as sRGB with alpha. `stated` is the profile that counts instead of its own: see `colour`."""
    colours = _converted(
        image.convert("RGB") if stated or image.mode == "RGBA" else image, own if stated is None else stated
    )
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    return colours.convert("RGBA")


def _converted(colours: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colours, own, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # The profile is broken, or it is for other colours.
        if converted:
            return converted
    return colours.convert("RGB")


def _pixels(image: Image.Image) -> list[tuple[int, ...]]:
    content, bands = image.tobytes(), len(image.getbands())
    return list(zip(*(content[band::bands] for band in range(bands)), strict=True))
