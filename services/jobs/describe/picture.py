"""What a raster picture shows, by Pillow. Imported only in a sandbox: see inspection.py."""

import io
from contextlib import suppress

from PIL import AvifImagePlugin, Image

from services.core import jpeg_pixels
from services.core.assets import colour, media_types, orientation
from services.core.assets.containers import Malformed, Memory, gif, jpeg, png
from services.jobs.describe.blurhash import encode
from services.jobs.describe.colours import dominant
from services.jobs.describe.pixels import Box, averaged, upright, with_profile
from services.jobs.describe.reduced import Maker, Reduced, maker

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
_ICC = b"ICC_PROFILE\0"
"""How a profile in an APP2 segment begins (ICC.1, B.4)."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # This module has its own limit.


def seen(source: bytes, media_type: str, pixels: int, side: int = 0) -> tuple[dict[str, object], Reduced | None]:
    """Return the facts about a picture, for an animation about its first frame; and its reduction, if one pays.

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
    own, stated = image.info.get("icc_profile"), colour.profile(source, media_type)
    known = own or media_type != media_types.JPEG or not _may_have_profile(source)
    making = maker(image, media_type, own if stated is None else stated, side) if known else None
    if making:
        making.draft(image)
    else:
        image.draft(None, (SIDE, SIDE))  # A JPEG is decoded no larger than needed.
    turn = _orientation(image, source, media_type)
    if media_type == media_types.TIFF:  # Pillow turns it by the orientation that it is given, and swaps the sides.
        image.getexif()[_ORIENTATION] = turn
        image.load()
        width, height = image.size
        turn = orientation.UPRIGHT
    image.load()
    width, height = orientation.turned(width, height, turn)
    small = _small(image, _covered(source) if media_type == media_types.GIF else None)
    small = upright(_in_srgb(small, own, stated), turn)
    shown = Image.new("RGBA", small.size, "white")
    shown.alpha_composite(small)
    square = shown.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    facts: dict[str, object] = {
        "width": width,
        "height": height,
        "blurhash": encode([_pixels(square.crop((0, y, SIDE, y + 1))) for y in range(SIDE)]),
        "dominant_color": dominant(_pixels(small)),
    }
    return facts, _reduction(image, making, turn) if making else None


def _reduction(image: Image.Image, making: Maker, turn: int) -> Reduced | None:
    # The facts are of use without it: not enough memory is no reason to have neither.
    with suppress(MemoryError, OSError, ValueError):
        return making.encoded(making.shrunk(image), turn)
    return None


def _may_have_profile(source: bytes) -> bool:
    """Say whether a JPEG has an ICC profile, or is too irregular to tell.

    Pillow gives none if the pieces do not fit together, or if they come after the frame header. What renders pictures
    may use it all the same, so a reduction could show other colours.
    """
    content = Memory(source)
    try:
        return any(
            segment.marker == jpeg.APP2 and content.up_to(segment.at + 4, len(_ICC)) == _ICC
            for segment in jpeg.opening(content)
        )
    except Malformed:
        return True


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


def _small(image: Image.Image, covered: Box | None) -> Image.Image:
    """Return a picture with SIDE pixels at most on its longer side. The uncovered part is transparent."""
    return averaged(image, -(-max(image.size) // SIDE), covered)


def _in_srgb(image: Image.Image, own: bytes | None, stated: bytes | None) -> Image.Image:
    """Return a picture as sRGB with alpha. `stated` is the profile that counts instead of its own: see `colour`."""
    colours = _converted(
        image.convert("RGB") if stated or image.mode == "RGBA" else image, own if stated is None else stated
    )
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    return colours.convert("RGBA")


def _converted(colours: Image.Image, profile: bytes | None) -> Image.Image:
    return (with_profile(colours, profile) if profile else None) or colours.convert("RGB")


def _pixels(image: Image.Image) -> list[tuple[int, ...]]:
    content, bands = image.tobytes(), len(image.getbands())
    return list(zip(*(content[band::bands] for band in range(bands)), strict=True))
