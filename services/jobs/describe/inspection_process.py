"""Finds the facts of one picture from its bytes, and makes its reduction. Runs in a sandbox: see inspection.py."""

from dataclasses import asdict
from typing import Any

from services.core.assets import media_types, reductions
from services.core.sandbox import Refusal


def answer(order: dict[str, Any], source: bytes) -> tuple[dict[str, object], bytes]:
    """Return the facts that are found; and as the body a reduction, which the head describes, if one pays.

    The order has `media_type`, `pixels`, the most that are decoded, and `side`, that of reductions.
    """
    try:
        if order["media_type"] == media_types.SVG:
            return _of_svg(source), b""
        return _of_picture(source, **order)
    except Exception as error:  # noqa: BLE001 - decoders raise any kind of error
        raise Refusal(f"{type(error).__name__}: {error}"[:200]) from None


# Imported where they are used: a child imports no more than its picture needs.
def _of_svg(source: bytes) -> dict[str, object]:
    from services.core.assets import svg_size, xml_text

    size = svg_size.size(xml_text.utf8(source))
    width, height = (max(1, round(side)) for side in size) if size else (None, None)
    return {"width": width, "height": height}


def _of_picture(source: bytes, media_type: str, pixels: int, side: int) -> tuple[dict[str, object], bytes]:
    from services.jobs.describe.picture import seen

    facts, made = seen(source, media_type, pixels, side)
    if made is None or not reductions.is_kept(media_type, len(made.content), len(source)):
        return facts, b""
    described = {name: value for name, value in asdict(made).items() if name != "content"}
    return {**facts, "reduction": described}, made.content
