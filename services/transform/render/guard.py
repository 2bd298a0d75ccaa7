"""What is too much to render, decided from a file's first bytes and its header. Pure."""

from dataclasses import dataclass

from services.core.assets import media_types
from services.core.errors import Undecodable

RASTER = (media_types.JPEG, media_types.PNG, media_types.WEBP, media_types.GIF, media_types.AVIF, media_types.TIFF)
DRAWN = (media_types.SVG, media_types.PDF)
"""Types without pixels of their own: their first page is drawn at the size that is asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one render. docs/rendering.md says what each of them costs at most."""

    source_bytes: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    """Of one frame of a source."""
    frames: int = 1000
    frame_pixels: int = 50_000_000
    """Of all frames of an animation together."""
    decoder_bytes: int = 192_000_000
    """For a decoder that holds a whole frame (see `bytes_per_pixel`)."""
    avif_pixels: int = 2_000_000
    """Of an AVIF that is made. Encoding one cannot be stopped; a larger picture becomes a WebP."""
    side: int = 8192
    """Of a result. What would be larger is scaled down to it."""
    cpu_seconds: int = 1
    """For drawing an SVG or a PDF, in a process of its own."""
    memory: int = 192 * 1024 * 1024
    """For the same."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a raster file says of itself before anything of it is decoded: the size of one frame, as it is stored."""

    media_type: str
    width: int
    height: int
    frames: int = 1
    bands: int = 3
    bits: int = 8
    interlaced: bool = False
    """An interlaced PNG, or a progressive JPEG."""
    subsampled: bool = True
    """A JPEG with a quarter of the colours, as cameras make them."""


def bytes_per_pixel(header: Header) -> int:
    """Return what decoding takes for each pixel of a frame; 0 for decoders that go from line to line. Measured."""
    match header.media_type:
        case media_types.AVIF:
            return 15
        case media_types.GIF | media_types.WEBP:
            return 4
        case media_types.PNG if header.interlaced:
            return header.bands * header.bits // 8
        case media_types.JPEG if header.interlaced:
            # Two bytes for each coefficient.
            return 3 if header.subsampled else header.bands * 2
    return 0


def check_size(size: int, limits: Limits) -> None:
    """Raise Undecodable for a file of more bytes than are read for a render."""
    if size > limits.source_bytes:
        raise Undecodable(
            f"The file has {size} bytes, too many to render.", f"Upload one of {limits.source_bytes} bytes at most."
        )


def sniff(source: bytes) -> str:
    """Return the media type of a source by its bytes; raises Undecodable for what is not rendered at all."""
    found = media_types.sniff(source[: media_types.SNIFF_BYTES])
    if found not in (*RASTER, *DRAWN):
        what = f"a file of type {found}" if found else "no image"
        raise Undecodable(f"The stored file is {what}: it cannot be rendered.", "Upload one of another type.")
    return found


def check(header: Header, limits: Limits) -> None:
    """Raise Undecodable for a source that would cost more than the limits allow."""
    size = f"The image has {header.width}x{header.height} pixels"
    pixels = header.width * header.height
    most = min(limits.pixels, limits.decoder_bytes // (bytes_per_pixel(header) or 1))
    if pixels > most:
        raise Undecodable(f"{size}, too many to render.", f"Upload one of its kind of {most} pixels at most.")
    if header.frames > limits.frames:
        raise Undecodable(
            f"The image has {header.frames} frames, too many to render.",
            f"Upload one of {limits.frames} frames at most.",
        )
    if pixels * header.frames > limits.frame_pixels:
        raise Undecodable(
            f"{size} in {header.frames} frames, too many to render.",
            f"Upload one of {limits.frame_pixels} pixels at most, all frames counted.",
        )
