"""A picture at full size has no more bytes than its source, where there is a way."""

from collections.abc import Callable
from dataclasses import replace

from services.core.assets import media_types
from services.transform.render import bare
from services.transform.render.plan import Plan, Rendered
from services.transform.render.stages import Raster

_EXACT = (media_types.PNG, media_types.GIF, media_types.WEBP)
"""Sources whose WebP can be smaller without loss than with it."""


def of(source: Raster, rendered: Rendered, plan: Plan, lossless: Callable[[], Rendered]) -> Rendered:
    """Return the rendition, or one with fewer bytes when it is larger than its source; `lossless` makes another one."""
    if not source.whole or len(rendered.content) <= len(source.content):
        return rendered
    if _may_be_sent(source, rendered, plan):
        content = bare.without_metadata(source.content, source.media_type)
        if content is not None and len(content) < len(rendered.content):
            return replace(rendered, content=content)
    if rendered.media_type == media_types.WEBP and source.media_type in _EXACT:
        return min(rendered, lossless(), key=lambda made: len(made.content))
    return rendered


def _may_be_sent(source: Raster, rendered: Rendered, plan: Plan) -> bool:
    """Say whether a source shows, without its metadata, what the plan asks for."""
    return (
        plan.may_be_source
        and source.media_type == rendered.media_type
        and source.orientation == 1
        and source.interpretation in ("srgb", "b-w")
        and not source.profiled
    )
