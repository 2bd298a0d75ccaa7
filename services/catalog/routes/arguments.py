"""Arguments of a query that several routes take."""

import re

from starlette.datastructures import QueryParams

from services.core.assets import names
from services.core.errors import BadRequest

_DIGITS = 15
NUMBER_MAX = 10**_DIGITS - 1
UNCONFIRMED_MAX = 100
"""Up to so many entries can be removed without a confirmation of their number."""
CHANGE = r"[0-9]{1,16}"
PLACES = {
    "namespace": rf"(?:{names.SEGMENT})?",
    "folder": rf"/?(?:{names.SEGMENT}(?:/{names.SEGMENT}){{0,9}}/?)?",
}
"""What selects a part of the assets by their paths."""


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


def change_of(text: str) -> int | None:
    """Read the number of a change, None if it is not given; raises BadRequest."""
    if not text:
        return None
    if not re.fullmatch(CHANGE, text):
        raise BadRequest(f"{text[:_DIGITS]!r} is not the number of a change.", "Send the X-Change of a write.")
    return int(text)


def folders_of(query: QueryParams) -> list[str]:
    """Return the folders, each with a slash at its end, that a request asks for: an asset has to be in all of them.

    Raises BadRequest."""
    asked = {name: (query.get(name, ""), pattern) for name, pattern in PLACES.items()}
    for name, (text, pattern) in asked.items():
        if not re.fullmatch(pattern, text):
            raise BadRequest(f"That is not a {name}.", "Send a namespace such as DEV, and a folder such as /DEV/shop.")
    return [f"/{folder}/" for text, _ in asked.values() if (folder := text.strip("/"))]
