"""How long the sides of a picture may be, by its header. Pure: asked when a file comes in and when it is rendered."""

from services.core.assets import media_types
from services.core.assets.containers import Reader, isobmff, tiff

SIDE_MAX = 65_535
"""Pixels. JPEG and GIF cannot have more, WebP has 16 383 at most."""
_WIDTH, _LENGTH = 256, 257


def problem(width: int, height: int, side_max: int = SIDE_MAX) -> tuple[str, str] | None:
    """Say what is wrong with the sides of a picture, and what to do; None when nothing is."""
    if max(width, height) <= side_max:
        return None
    return (
        f"The image has {width}x{height} pixels: a side is too long to render.",
        f"Upload an image with at most {side_max} pixels on each side.",
    )


def sides(source: Reader, media_type: str) -> tuple[int, int]:
    """Return the sides that a header claims; zeros if it cannot be read, or if its format cannot exceed the limit."""
    match media_type:
        case media_types.PNG:
            head = source.up_to(16, 8)
            return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
        case media_types.TIFF:
            found: dict[int, int] = {}
            for field in tiff.fields(source, 0, source.size):
                found.setdefault(field.tag, field.number or 0)  # The first counts, as for libtiff.
            return found.get(_WIDTH, 0), found.get(_LENGTH, 0)
        case media_types.AVIF | media_types.HEIC:
            extent = next((content for name, content in isobmff.primary(source) if name == b"ispe"), b"")
            return int.from_bytes(extent[4:8], "big"), int.from_bytes(extent[8:12], "big")
    return 0, 0
