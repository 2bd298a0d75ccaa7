"""Reads one file to its end and says whether it can be drawn. Runs in a sandbox: see drawable.py."""

import io
from typing import Any

from services.core.assets import media_types
from services.core.sandbox import Refusal

_PIXELS_MAX = 50_000_000


def answer(order: dict[str, Any], source: bytes) -> tuple[dict[str, object], bytes]:
    """Return nothing about a file that can be drawn; raises Refusal. The order has `media_type`."""
    look = {media_types.JPEG: _read_jpeg, media_types.PNG: _read_png}[order["media_type"]]
    try:
        look(source)
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - readers raise any kind of error
        raise Refusal("is damaged") from None
    return {}, b""


# Imported where they are used: a child imports no more than its file needs.
def _read_jpeg(source: bytes) -> None:
    from PIL import JpegImagePlugin

    from services.core import jpeg_pixels

    _check_pixels(JpegImagePlugin.JpegImageFile(io.BytesIO(source)))
    if not jpeg_pixels.are_all_there(source):
        raise Refusal("is cut short in its picture")


def _read_png(source: bytes) -> None:
    from PIL import PngImagePlugin

    picture = PngImagePlugin.PngImageFile(io.BytesIO(source))
    _check_pixels(picture)
    try:
        picture.load()
    except OSError:
        raise Refusal("is cut short in its picture") from None


def _check_pixels(picture: Any) -> None:
    if picture.width * picture.height > _PIXELS_MAX:
        raise Refusal("has no end mark, and too many pixels to check whether it is complete")
