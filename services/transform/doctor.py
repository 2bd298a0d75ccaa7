"""What the doctor checks in the transform service only: whether libvips and the drawing of documents work."""

from collections.abc import AsyncIterator
from functools import partial
from typing import get_args

from services.core.addresses.values import Format
from services.core.doctor import Check, Finding
from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.settings import TransformSettings

_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><rect width="16" height="16" fill="#08c"/></svg>'
)
_MEND = "Install the packages of requirements/transform.lock again. One of them contains libvips."


def checks(settings: TransformSettings) -> list[Check]:
    """Return what the doctor checks in this service, beside what every service needs."""
    return [partial(formats, settings.limits)]


async def formats(limits: Limits) -> AsyncIterator[Finding]:
    """Draw a document, encode it in each format, and decode what can be decoded again."""
    try:
        picture = pipeline.render(_SVG, Plan(format="png"), limits).content
    except Undecodable as error:
        yield Finding("drawing", error.message, "Check whether DRAW_MEMORY and DRAW_CPU_SECONDS are large enough.")
        return
    yield Finding("drawing", "an SVG was drawn in its own process")
    for wanted in get_args(Format):
        try:
            made = pipeline.render(picture, Plan(format=wanted), limits)
            pipeline.render(made.content, Plan(format="png"), limits)
        except Undecodable as error:
            yield Finding("libvips", f"{wanted}: {error.message}", _MEND)
        else:
            yield Finding("libvips", f"{wanted} is written as {made.media_type} and read again")
