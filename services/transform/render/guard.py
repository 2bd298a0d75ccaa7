"""Whether a file may be rendered. It is decided from its size, its first bytes and its header. Pure."""

from dataclasses import dataclass

from services.core.assets import media_types, shape
from services.core.errors import Undecodable

RASTER = (media_types.JPEG, media_types.PNG, media_types.WEBP, media_types.GIF, media_types.AVIF, media_types.TIFF)
DRAWN = (media_types.SVG, media_types.PDF)
"""Types without pixels. Their first page is drawn in the size that the request asks for."""

_LINES = 600
"""Lines of a source that are held while it is scaled, as measured at the worst scale."""
_LINES_BESIDE = 32_000_000
"""Bytes of lines that may be held beside a whole frame of `decoder_bytes`."""


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
    source_side: int = shape.SIDE_MAX
    """Pixels of each side of a source."""
    line_bytes: int = 120_000
    """Of a line of a source as it is scaled (see `bytes_per_line`)."""
    avif_pixels: int = 2_000_000
    """Of an AVIF that is made. The encoder cannot be stopped, so a larger picture becomes a WebP."""
    side: int = 8192
    """Of a result. A larger one is scaled down to it."""
    cpu_seconds: int = 1
    """To draw an SVG or a PDF, in a process of its own."""
    memory: int = 192 * 1024 * 1024
    """For the same."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a raster file says. Nothing is decoded yet. The size is that of one frame, as it is stored."""

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
    """Return the bytes that decoding takes per pixel of a frame, as measured; 0 if it goes from line to line."""
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


def bytes_per_line(header: Header) -> int:
    """Return the bytes of a line of pixels that is scaled; transparency is multiplied in, and counts as a band more."""
    bands = 5 if header.media_type in (media_types.GIF, media_types.WEBP) else header.bands + (header.bands in (2, 4))
    line = header.width * bands * header.bits // 8
    # A wide one of these is made smaller while it is decoded, as no side of a result is long.
    return line // 2 if header.media_type in (media_types.JPEG, media_types.WEBP) else line


def check_size(size: int, limits: Limits) -> None:
    """Raise Undecodable if a file has too many bytes."""
    if size > limits.source_bytes:
        raise Undecodable(
            f"The file has {size} bytes, which is too many to render.",
            f"Upload a file of at most {limits.source_bytes} bytes.",
        )


def sniff(source: bytes) -> str:
    """Return the media type of a source by its bytes; raises Undecodable for a type that is not rendered."""
    found = media_types.sniff(source)
    if found not in (*RASTER, *DRAWN):
        what = f"has the type {found}" if found else "is not an image"
        raise Undecodable(f"The stored file {what}: it cannot be rendered.", "Upload an image of another type.")
    return found


def check(header: Header, limits: Limits) -> None:
    """Raise Undecodable if a source would cost more than the limits allow."""
    size = f"The image has {header.width}x{header.height} pixels"
    pixels = header.width * header.height
    most = min(limits.pixels, limits.decoder_bytes // (bytes_per_pixel(header) or 1))
    if pixels > most:
        raise Undecodable(
            f"{size}, which is too many to render.",
            f"Upload an image of this type with at most {most} pixels.",
        )
    if header.frames > limits.frames:
        raise Undecodable(
            f"The image has {header.frames} frames, which is too many to render.",
            f"Upload an animation with at most {limits.frames} frames.",
        )
    if pixels * header.frames > limits.frame_pixels:
        raise Undecodable(
            f"{size} in {header.frames} frames, which is too many to render.",
            f"Upload an animation with at most {limits.frame_pixels} pixels in all its frames together.",
        )
    _check_shape(header, limits, size)


def _check_shape(header: Header, limits: Limits, size: str) -> None:
    """Raise Undecodable if memory would follow the width of a source: several hundred of its lines are held at once."""
    if wrong := shape.problem(header.width, header.height, limits.source_side):
        message, hint = wrong
        raise Undecodable(message, hint)
    line, whole = bytes_per_line(header), header.width * header.height * bytes_per_pixel(header)
    most = limits.line_bytes
    if whole:
        most = min(most, max(0, limits.decoder_bytes + _LINES_BESIDE - whole) // _LINES)
    if line > most:
        raise Undecodable(
            f"{size}, which is too wide to render.",
            f"Upload an image of this type with at most {header.width * most // line} pixels in a line.",
        )
