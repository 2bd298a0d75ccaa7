"""Arguments of a query that several routes take."""

from services.core.errors import BadRequest

_DIGITS = 15
NUMBER_MAX = 10**_DIGITS - 1
UNCONFIRMED_MAX = 100
"""Up to so many entries can be removed without a confirmation of their number."""


def limit_of(text: str, most: int) -> int | None:
    """Read `limit`, None if it is not given. Raises BadRequest if it is not an integer from 1 to `most`."""
    if not text:
        return None
    if not (text.isdecimal() and len(text) <= _DIGITS and 1 <= int(text) <= most):
        raise BadRequest(f"limit must be an integer from 1 to {most}, not {text!r}.", "Leave it out for the default.")
    return int(text)


def number_of(text: str | None, name: str, what: str) -> int | None:
    """Read a count, None if it is not given; raises BadRequest for a text that is not a number."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise BadRequest(f"{name} must be {what}, not {text[:_DIGITS]!r}.", f"Send {name}=12, for example.")
    return int(text)
