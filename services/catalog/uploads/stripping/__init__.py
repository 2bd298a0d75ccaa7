"""Removes metadata from uploaded files without changing a pixel: one module per format, one function for all.

The head of each module lists what is removed, and what is kept because the picture needs it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from services.catalog.uploads.stripping import jpeg, pdf, png, svg, webp
from services.core.assets import media_types
from services.core.assets.containers import jpeg as jpeg_parts
from services.core.assets.containers import png as png_parts
from services.core.errors import StorageDown

_STRIPPERS: dict[str, Callable[[Path], bool]] = {
    media_types.JPEG: jpeg.strip,
    media_types.PNG: png.strip,
    media_types.WEBP: webp.strip,
    media_types.SVG: svg.strip,
    media_types.PDF: pdf.strip,
}


_END_MARKS = {media_types.JPEG: jpeg_parts.END, media_types.PNG: png_parts.END}


def strip_file(source: Path, media_type: str, *, ended: bool = True) -> bool:
    """Rewrite a spooled file in place without its metadata and say whether that changed anything.

    If only the end mark of a picture is missing (`ended` is False), the mark is added.

    Raises BadRequest for a file whose structure is not understood, StorageDown when there is no room for the new file;
    the file is then what it was, but for an end mark that was added. Other media types than those of `_STRIPPERS` are
    left alone. Blocks: call it in a thread, and measure and sign the file again when it answers True.
    """
    strip = _STRIPPERS.get(media_type)
    if not strip:
        return False
    if not ended:
        _add_end(source, _END_MARKS[media_type])
    return strip(source) or not ended


def _add_end(path: Path, mark: bytes) -> None:
    """Complete the end mark, of which the file may have a part."""
    try:
        with path.open("r+b") as file:
            file.seek(-min(len(mark), path.stat().st_size), os.SEEK_END)
            tail = file.read()
            there = next(length for length in range(len(mark) - 1, -1, -1) if tail.endswith(mark[:length]))
            file.write(mark[there:])
    except OSError as error:
        raise StorageDown(f"The upload cannot be stored: {error.strerror}.") from error
