"""Refuses at the upload a picture that cannot be rendered because a side is too long."""

from pathlib import Path

from services.catalog.uploads.stripping.rewriting import Source
from services.core.assets import shape
from services.core.errors import BadRequest


def check(path: Path, media_type: str) -> None:
    """Raise BadRequest for a spooled file whose header states a side that is too long. Blocks: call it in a thread."""
    with path.open("rb") as file:
        wrong = shape.problem(*shape.sides(Source(file, media_type), media_type))
    if wrong:
        message, hint = wrong
        raise BadRequest(message, hint)
