"""Finds the facts of one picture from its bytes. Runs in a sandbox: see inspection.py."""

from typing import Any

from services.core.assets import media_types
from services.core.sandbox import Refusal


def answer(order: dict[str, Any], source: bytes) -> tuple[dict[str, object], bytes]:
    """Return the facts that are found. The order has `media_type` and `pixels`, the most that are decoded."""
    try:
        return (_of_svg(source) if order["media_type"] == media_types.SVG else _of_picture(source, **order)), b""
    except Exception as error:  # noqa: BLE001 - decoders raise any kind of error
        raise Refusal(f"{type(error).__name__}: {error}"[:200]) from None


# Imported where they are used: a child imports no more than its picture needs.
def _of_svg(source: bytes) -> dict[str, object]:
    from services.core.assets import svg_size, xml_text

    size = svg_size.size(xml_text.utf8(source))
    width, height = (max(1, round(side)) for side in size) if size else (None, None)
    return {"width": width, "height": height}


def _of_picture(source: bytes, media_type: str, pixels: int) -> dict[str, object]:
    from services.jobs.describe.picture import seen

    return seen(source, media_type, pixels)
