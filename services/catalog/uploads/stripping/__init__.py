"""Takes metadata out of uploaded files without changing a pixel: one module per format, one function for all.

What is removed, and what is kept because the picture needs it, is said at the head of each module.
"""

from collections.abc import Callable
from pathlib import Path

from services.catalog.uploads.stripping import jpeg, pdf, png, svg, webp

_STRIPPERS: dict[str, Callable[[Path], bool]] = {
    "image/jpeg": jpeg.strip,
    "image/png": png.strip,
    "image/webp": webp.strip,
    "image/svg+xml": svg.strip,
    "application/pdf": pdf.strip,
}


def strip_file(source: Path, media_type: str) -> bool:
    """Rewrite a spooled file in place without its metadata and say whether that changed anything.

    Raises BadRequest for a file whose structure is not understood, StorageDown when there is no room for the new
    file; the file is then what it was. Other media types than those of `_STRIPPERS` are left alone. Blocks: call it
    in a thread, and measure and sign the file again when it answers True.
    """
    strip = _STRIPPERS.get(media_type)
    return strip(source) if strip else False
