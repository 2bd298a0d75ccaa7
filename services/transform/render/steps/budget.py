"""Budget: a picture with too many bytes is encoded again, as well as its budget allows."""

from dataclasses import replace

from services.core.assets import media_types
from services.transform.render import formats
from services.transform.render.formats import Encoding
from services.transform.render.libvips import Image
from services.transform.render.stages import Encoded, Order
from services.transform.render.steps.encode import save

_TRIES = 5
"""Encodings that a budget may cost after the first."""


def budget(encoded: Encoded, order: Order) -> Encoded:
    """Lower the quality until `max_bytes` is met; what cannot be met is come as near to as is of use."""
    most = order.plan.max_bytes
    if not most or len(encoded.content) <= most:
        return encoded
    tries = _colours if encoded.encoding.media_type == media_types.PNG else _qualities
    tried = tries(encoded.image, replace(encoded.encoding, lossless=False), order)
    return replace(encoded, content=min([encoded.content, *tried], key=lambda content: _rank(len(content), most)))


def _colours(image: Image, encoding: Encoding, order: Order) -> list[bytes]:
    """Return encodings of a PNG with ever fewer colours, up to the first that fits."""
    found: list[bytes] = []
    for colours in formats.COLOURS:
        found.append(save(image, replace(encoding, colours=colours), order.stop))
        if len(found[-1]) <= order.plan.max_bytes:
            break
    return found


def _qualities(image: Image, encoding: Encoding, order: Order) -> list[bytes]:
    """Return encodings of ever better fitting quality."""
    most = order.plan.max_bytes
    found = [save(image, replace(encoding, quality=formats.QUALITY_MIN), order.stop)]
    low, high = formats.QUALITY_MIN, encoding.quality
    for _ in range(_TRIES - 1):
        if len(found[0]) > most or high - low <= 1:
            break
        middle = (low + high) // 2
        found.append(save(image, replace(encoding, quality=middle), order.stop))
        low, high = (middle, high) if len(found[-1]) <= most else (low, middle)
    return found


def _rank(size: int, most: int) -> tuple[bool, int]:
    """Order sizes: those that fit first, the largest of them before the others; then the smallest of the rest."""
    return size > most, -size if size <= most else size
