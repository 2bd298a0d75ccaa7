"""Whether a picture file is whole, as far as its structure says: one function for every format."""

from collections.abc import Callable

from services.core.assets import media_types
from services.core.assets.containers import Reader, gif, isobmff, jpeg, png, strips, webp

_IS_ENDED: dict[str, Callable[[Reader], bool]] = {
    media_types.JPEG: jpeg.is_ended,
    media_types.PNG: png.is_ended,
    media_types.WEBP: webp.is_ended,
    media_types.GIF: gif.is_ended,
    media_types.AVIF: isobmff.is_ended,
    media_types.HEIC: isobmff.is_ended,
    media_types.TIFF: strips.is_ended,
}


def is_ended(source: Reader, media_type: str) -> bool:
    """Say whether a file has its end; raises Malformed for one that breaks off.

    False only for a JPEG or a PNG without its end mark: a decoder knows whether all its pixels are there. Of most
    files, only the last bytes and the parts before the picture are read. True for types that are not pictures.
    """
    look = _IS_ENDED.get(media_type)
    return look(source) if look else True
