"""Takes metadata out of uploaded files without changing a pixel: one module per format, one function for all.

What is removed, and what is kept because the picture needs it, is said at the head of each module.
"""

from collections.abc import Callable
from pathlib import Path

from services.catalog.uploads.stripping import jpeg, pdf, png, svg, webp
from services.core.assets import media_types

_STRIPPERS: dict[str, Callable[[Path], bool]] = {
    media_types.JPEG: jpeg.strip,
    media_types.PNG: png.strip,
    media_types.WEBP: webp.strip,
    media_types.SVG: svg.strip,
    media_types.PDF: pdf.strip,
}


def strip_file(source: Path, media_type: str) -> bool:
    """Rewrite a spooled file in place without its metadata and say whether that changed anything.

    Raises BadRequest for a file whose structure is not understood, StorageDown when there is no room for the new
    file; the file is then what it was. Other media types than those of `_STRIPPERS` are left alone. Blocks: call it
    in a thread, and measure and sign the file again when it answers True.
    """
    strip = _STRIPPERS.get(media_type)
    return strip(source) if strip else False
