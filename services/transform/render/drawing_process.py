"""The process that draws one document: an order and the document on its input, pixels on its output. See drawing.py."""

import os
import resource
import sys
from dataclasses import asdict
from typing import Any

import orjson

from services.core.assets import media_types
from services.transform.render.geometry import Box, fit
from services.transform.render.plan import Focus, Plan

_POINT = 96 / 72
"""Pixels of a point of PDF, where nothing else says how large a page is."""


class Refusal(Exception):
    """The document cannot be drawn, for a reason that its owner may read."""


def main() -> None:
    order = orjson.loads(sys.stdin.buffer.readline())
    source = sys.stdin.buffer.read()
    _shut_in(order["cpu_seconds"], order["memory"])
    draw = _draw_svg if order["media_type"] == media_types.SVG else _draw_pdf
    try:
        box, pixels = draw(source, _plan(order["plan"]), order["side"], order["pixels"])
    except Refusal as reason:
        sys.stdout.buffer.write(orjson.dumps({"error": str(reason)}) + b"\n")
        return
    sys.stdout.buffer.write(orjson.dumps(asdict(box)) + b"\n")
    sys.stdout.buffer.write(pixels)


def _shut_in(cpu_seconds: int, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _plan(fields: dict[str, Any]) -> Plan:
    focus = fields["focus"]
    return Plan(**{**fields, "focus": Focus(**focus) if isinstance(focus, dict) else focus})


def _fit(width: float, height: float, plan: Plan, side: int, pixels: int) -> Box:
    # Where sizes are asked for, those of the page are but a ratio: a page of half a point is as good as any.
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
    try:
        page = pyvips.Image.svgload_buffer(source)
        box = _fit(page.width, page.height, plan, side, pixels)
        page = pyvips.Image.thumbnail_buffer(source, box.width, height=box.height, size="force")
        if not page.hasalpha():
            page = page.addalpha()
        return box, page.write_to_memory()
    except pyvips.Error as error:
        raise Refusal(str(error).strip().splitlines()[-1].strip(" :")) from None


def _draw_pdf(source: bytes, plan: Plan, side: int, pixels: int) -> tuple[Box, bytes]:
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(source)
        page = document[0]
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise Refusal(str(error)) from None
    width, height = (side_length * _POINT for side_length in page.get_size())
    box = _fit(width, height, plan, side, pixels)
    bitmap = pypdfium2.PdfBitmap.new_native(box.width, box.height, raw.FPDFBitmap_BGRA, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, box.width, box.height)
    flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
    raw.FPDF_RenderPageBitmap(bitmap, page, 0, 0, box.width, box.height, 0, flags)
    return box, bytes(bitmap.buffer)


if __name__ == "__main__":
    main()
    # Nothing is left to be tidied up, and tidying can crash on what a document has done.
    sys.stdout.flush()
    os._exit(0)
