"""Arguments of a query that several routes take."""

from services.core.errors import BadRequest


def limit_of(text: str, most: int) -> int | None:
    """Read `limit`, None if it is not given. Raises BadRequest if it is not an integer from 1 to `most`."""
    if not text:
        return None
    if not (text.isdecimal() and len(text) < 16 and 1 <= int(text) <= most):
        raise BadRequest(f"limit must be an integer from 1 to {most}, not {text!r}.", "Leave it out for the default.")
    return int(text)
