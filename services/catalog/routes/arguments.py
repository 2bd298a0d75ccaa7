"""Arguments of a query that several routes take."""

from services.core.errors import BadRequest


def limit_of(text: str, most: int, what: str) -> int | None:
    """Read `limit`, None when it is not given; raises BadRequest for what is no number from 1 to `most`."""
    if not text:
        return None
    if not (text.isdecimal() and len(text) < 16 and 1 <= int(text) <= most):
        raise BadRequest(f"limit {text!r} is not {what}.", f"Send a number from 1 to {most}.")
    return int(text)
