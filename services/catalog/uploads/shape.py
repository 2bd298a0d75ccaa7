"""Refuses a picture that could never be rendered for the length of its sides, when it is taken in."""

from pathlib import Path

from services.catalog.uploads.stripping.rewriting import Source
from services.core.assets import shape
from services.core.errors import BadRequest


def check(path: Path, media_type: str) -> None:
    """Raise BadRequest for a spooled file whose header claims too long a side. Blocks: call it in a thread."""
    with path.open("rb") as file:
        wrong = shape.problem(*shape.sides(Source(file, media_type), media_type))
    if wrong:
        message, hint = wrong
        raise BadRequest(message, hint)
