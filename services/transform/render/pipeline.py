"""Stored bytes in, a rendition out: the steps of a render, in their order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.core.errors import Undecodable
from services.transform.render import libvips, smallest
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan, Rendered
from services.transform.render.source import inspect
from services.transform.render.stages import Document, Order, Raster
from services.transform.render.steps.apply import apply
from services.transform.render.steps.budget import budget
from services.transform.render.steps.cut import cut
from services.transform.render.steps.encode import encode
from services.transform.render.steps.flatten import flatten
from services.transform.render.steps.load import load
from services.transform.render.steps.scale import scale
from services.transform.render.steps.turn import turn
from services.transform.render.stop import Stop

REVISION = 6
"""Raise it when the same request would give other bytes: it is part of every rendition's ETag."""

STEPS: tuple[Callable[[Any, Order], Any], ...] = (load, scale, turn, cut, apply, flatten, encode, budget)
"""Each step takes the stage that the step before it returned; the first one takes the source."""


def render(content: bytes, plan: Plan, limits: Limits, stop: Stop | None = None) -> Rendered:
    """Make of stored bytes what the plan says: upright, sRGB, without metadata, its animation kept.

    Raises Undecodable when the bytes are not a whole image, or are beyond the limits. Raises what `stop` was pulled
    with, when it was pulled.
    """
    order = Order(plan, limits, stop or Stop())
    try:
        source = inspect(plan.reduced.of(content) if plan.reduced else content, plan, limits)
        rendered = _made(source, order)
        if isinstance(source, Document):
            return rendered
        return smallest.of(source, rendered, plan, lambda: _made(source, replace(order, lossless=True)))
    except libvips.Error as error:
        order.stop.check()
        reason = str(error).strip().splitlines()[-1].strip()
        raise Undecodable(f"The stored file cannot be rendered: {reason}.", "Upload it again.") from None


def _made(source: Document | Raster, order: Order) -> Rendered:
    stage: Any = source
    for step in STEPS:
        order.stop.check()
        stage = step(stage, order)
    order.stop.check()
    rendered: Rendered = stage.rendered
    return rendered
