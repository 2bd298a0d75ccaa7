"""Reads one file and says whether it can be drawn. Runs in a sandbox: see drawable.py."""

import mmap
from pathlib import Path
from typing import Any, BinaryIO

from services.core.assets import media_types
from services.core.assets.containers import Malformed, pdf
from services.core.sandbox import Refusal

_PIXELS_MAX = 50_000_000


def answer(order: dict[str, Any], _: bytes) -> tuple[dict[str, object], bytes]:
    """Return nothing about a file that can be drawn; raises Refusal. The order has `media_type` and `path`.

    Errors that are not about the file pass through: one that cannot be opened, and a missing library.
    """
    look = {media_types.JPEG: _read_jpeg, media_types.PNG: _read_png, media_types.PDF: _read_pdf}[order["media_type"]]
    with open(order["path"], "rb") as file:
        try:
            look(file)
        except (Refusal, ImportError):
            raise
        except MemoryError:
            raise Refusal("needs too much memory to be read") from None
        except Exception:  # noqa: BLE001 - readers raise any kind of error
            raise Refusal("is damaged") from None
    return {}, b""


# Imported where they are used: a child imports no more than its files need.
def _read_jpeg(file: BinaryIO) -> None:
    from PIL import JpegImagePlugin

    from services.core import jpeg_pixels

    _check_pixels(JpegImagePlugin.JpegImageFile(file))
    file.seek(0)
    if not jpeg_pixels.are_all_there(file.read()):
        raise Refusal("is cut short in its picture")


def _read_png(file: BinaryIO) -> None:
    from PIL import PngImagePlugin

    picture = PngImagePlugin.PngImageFile(file)
    _check_pixels(picture)
    try:
        picture.load()
    except OSError:
        raise Refusal("is cut short in its picture") from None


def _check_pixels(picture: Any) -> None:
    if picture.width * picture.height > _PIXELS_MAX:
        raise Refusal("has no end mark, and too many pixels to check whether it is complete")


def _read_pdf(file: BinaryIO) -> None:
    from services.core import pdf_pages

    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if pdf.is_cut(content):
            raise Refusal("is cut short")
    try:
        document, _ = pdf_pages.first_page(Path(file.name))
    except Malformed as problem:
        raise Refusal(str(problem)) from None
    document.close()
