"""SVG and PDF become pixels in a sandbox: neither librsvg nor PDFium can be stopped in the middle of a page."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from services.core.assets import media_types, svg, xml_text
from services.core.assets.containers import Malformed, pdf
from services.core.errors import Undecodable
from services.core.sandbox import Refusal, process
from services.core.sandbox.process import NoAnswer, Task
from services.transform.render.geometry import Box
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stop import Stop

_BOX = {side.name for side in fields(Box)}
_PIXEL = 4
"""Bytes of a pixel that is drawn."""
_WALL_RATIO = 60
"""Seconds that may pass per second of processor time. It ends a child that sleeps, if nobody has stopped the render."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """`pixels` are RGBA, 8 bits each, of the scaled but uncut page (`box.width`×`box.height`)."""

    pixels: bytes
    box: Box


def draw(source: bytes, media_type: str, plan: Plan, limits: Limits, stop: Stop) -> Drawn:
    """Draw the first page of a document at the size of the plan; raises Undecodable."""
    source = _checked_svg(source) if media_type == media_types.SVG else _checked_pdf(source)
    try:
        answer = process.run(_task(media_type, plan, limits), source, stop.by)
    except Refusal as refusal:
        raise Undecodable(f"The document cannot be drawn: {refusal}.", "Upload it again.") from None
    except NoAnswer:
        stop.check()
        raise Undecodable(
            f"The document needs more than {limits.cpu_seconds} s or {limits.memory // 2**20} MB to be drawn.",
            "Upload a simpler document.",
        ) from None
    stop.check()
    box = _box(answer.head)
    if len(answer.body) != box.width * box.height * _PIXEL:
        raise Undecodable("The document was not drawn to its end.", "Upload a simpler document.")
    return Drawn(answer.body, box)


def _checked_svg(source: bytes) -> bytes:
    """Return a drawing in UTF-8: what is checked is what is drawn."""
    try:
        text = xml_text.utf8(source)
        svg.check(text)
    except Malformed as reason:
        raise Undecodable(
            f"The SVG cannot be drawn: it {reason}.", "Upload a plain SVG that contains everything it shows."
        ) from None
    return text


def _checked_pdf(source: bytes) -> bytes:
    if pdf.is_cut(source):
        raise Undecodable("The PDF is cut short: it has no end mark.", "Upload the whole file again.")
    return source


def _box(head: dict[str, Any]) -> Box:
    if head.keys() != _BOX or not all(type(value) is int for value in head.values()):
        raise Undecodable("The document cannot be drawn.", "Upload it again.")
    return Box(**head)


def _task(media_type: str, plan: Plan, limits: Limits) -> Task:
    drawn = asdict(plan)
    del drawn["effects"]  # They are applied to what is drawn.
    return Task(
        module="services.transform.render.document_process",
        order={"media_type": media_type, "plan": drawn, "side": limits.side, "pixels": limits.pixels},
        limits=process.Limits(
            cpu_seconds=limits.cpu_seconds,
            wall_seconds=_WALL_RATIO * limits.cpu_seconds,
            output=limits.pixels * _PIXEL,
            data=limits.memory,
        ),
        environment={"VIPS_CONCURRENCY": "1"},
    )
