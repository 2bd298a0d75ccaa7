"""Draws the first page of one document. Runs in a sandbox: see document.py."""

from dataclasses import asdict
from typing import Any

from services.core.addresses.values import Focus
from services.core.assets import media_types, svg_size
from services.core.assets.containers import Malformed
from services.core.sandbox import Refusal
from services.transform.render.geometry import Box, fit
from services.transform.render.plan import Plan

_POINT = 96 / 72
"""Pixels per point of a PDF if the plan gives no size."""
_SVG_MARK = b"<!-- <svg is looked for near the beginning only -->"
"""For libvips: a drawing may have a long comment there, or a prefix before the name of its tag."""
_EXACT = 1000
"""Pixels of the shorter side of a drawing above which whole pixels tell its shape well enough."""


def answer(order: dict[str, Any], source: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the box and the pixels of a document. The order has `media_type`, `plan`, `side` and `pixels`."""
    draw = _draw_svg if order["media_type"] == media_types.SVG else _draw_pdf
    box, pixels = draw(source, _plan(order["plan"]), order["side"], order["pixels"])
    return asdict(box), pixels


def _plan(fields: dict[str, Any]) -> Plan:
    focus = fields["focus"]
    return Plan(**{**fields, "focus": Focus(**focus) if isinstance(focus, dict) else focus})


def _fit(width: float, height: float, plan: Plan, side: int, pixels: int) -> Box:
    # If the plan gives a size, only the ratio of the page counts: a page of half a point is as good as any other.
    scale = max(1.0, 1000 / max(min(width, height), 0.001)) if plan.width or plan.height else 1.0
    box = fit(max(1, round(width * scale)), max(1, round(height * scale)), plan, side, enlarge=True)
    if not 0 < box.width * box.height <= pixels:
        raise Refusal(f"at this size the whole page has {box.width}x{box.height} pixels")
    return box


def _draw_svg(source: bytes, plan: Plan, side: int, pixels: int) -> tuple[Box, bytes]:
    import pyvips

    pyvips.operation_block_set("VipsForeignLoad", True)
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    pyvips.cache_set_max(0)
    size = svg_size.size(source)
    if size and min(size) < 1:
        # It has no pixel: so it is made larger, and then drawn as all others are.
        source = svg_size.enlarged(source, *size, 1 / min(size))
    source = _SVG_MARK + source
    try:
        page = pyvips.Image.svgload_buffer(source)
        # What a drawing says of itself is more exact than whole pixels.
        width, height = size if size and min(size) < _EXACT else (page.width, page.height)
        box = _fit(width, height, plan, side, pixels)
        page = pyvips.Image.thumbnail_buffer(source, box.width, height=box.height, size="force")
        if not page.hasalpha():
            page = page.addalpha()
        return box, page.write_to_memory()
    except pyvips.Error as error:
        raise Refusal(str(error).strip().splitlines()[-1].strip(" :")) from None


def _draw_pdf(source: bytes, plan: Plan, side: int, pixels: int) -> tuple[Box, bytes]:
    import pypdfium2
    from pypdfium2 import raw

    from services.core import pdf_pages

    try:
        document, page = pdf_pages.first_page(source)
    except Malformed as problem:
        raise Refusal(f"it {problem}") from None
    width, height = (side_length * _POINT for side_length in page.get_size())
    box = _fit(width, height, plan, side, pixels)
    bitmap = pypdfium2.PdfBitmap.new_native(box.width, box.height, raw.FPDFBitmap_BGRA, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, box.width, box.height)
    flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
    shown = (bitmap, page, 0, 0, box.width, box.height, 0, flags)
    raw.FPDF_RenderPageBitmap(*shown)
    if document.formenv:
        raw.FPDF_FFLDraw(document.formenv, *shown)
    return box, bytes(bitmap.buffer)
