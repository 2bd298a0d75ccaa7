"""What the index has of an entry. Pure.

An entry is read by the names of its fields, and a field that it does not have is empty: services of other versions may
write more fields or fewer.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from services.catalog.search import colours
from services.catalog.search.words import searched

MISSING = ("title", "alt", "caption", "tags", "credit", "external_id", "information")
"""The fields of which a search can ask for the entries that lack them. The position of each is its bit in `lacks`."""
_TEXTS = ("title", "alt", "caption", "external_id", "information")
_TIE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the index has it. The fields are the columns of its table, except for the tags.

    Dates are milliseconds since 1970. `tie` orders entries that are otherwise equal, in all processes in the same way.
    `lacks` has a bit for each field of MISSING that is empty.
    """

    unique_name: str
    folder: str
    type: str
    width: int | None
    height: int | None
    colour: str | None
    expired: bool
    expires: int | None
    uploaded: int
    updated: int
    size: int
    external_id: str | None
    signature: str
    lacks: int
    tie: int
    text: str
    tags: tuple[str, ...]


def row_of(raw: bytes) -> Row:
    """Return the row of a stored entry."""
    entry = orjson.loads(raw)
    name = str(entry["unique_name"])
    tags = tuple(dict.fromkeys(tag for tag in entry.get("tags") or () if isinstance(tag, str)))
    colour = entry.get("dominant_color")
    return Row(
        unique_name=name,
        folder=name.rpartition("/")[0],
        type=str(entry.get("original_mimetype") or ""),
        width=entry.get("width"),
        height=entry.get("height"),
        colour=colours.name_of(colour) if colour else None,
        expired=entry.get("expired") is True,
        expires=_milliseconds(entry.get("expiration_date")),
        uploaded=_milliseconds(entry.get("uploaded_date")) or 0,
        updated=_milliseconds(entry.get("updated_date")) or 0,
        size=int(entry.get("size") or 0),
        external_id=_text(entry.get("external_id")) or None,
        signature=_text(entry.get("signature")),
        lacks=sum(1 << bit for bit, field in enumerate(MISSING) if not entry.get(field)),
        tie=int.from_bytes(blake2b(name.encode(), digest_size=_TIE_BYTES).digest()) >> 1,
        text=searched((name, _text(entry.get("original_filename")), *(_text(entry.get(one)) for one in _TEXTS), *tags)),
        tags=tags,
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _milliseconds(date: Any) -> int | None:
    """Return the time of an ISO 8601 date; None for a value that is none."""
    try:
        moment = datetime.fromisoformat(date)
    except (TypeError, ValueError):
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
