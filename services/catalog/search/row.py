"""What the index has of an entry. Pure.

An entry is read by the names of its fields, and a field that it does not have is empty: services of other versions may
write more fields or fewer. What an older service had in the fields of descriptions is read as the catalog shows it.
"""

import re
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from services.catalog.search import colours
from services.catalog.search.words import searched
from services.core.assets import descriptions
from services.core.assets.entries import milliseconds

MISSING = ("title", "alt", "caption", "tags", "credit", "external_id", "information")
"""The fields of which a search can ask for the entries that lack them. The position of each is its bit in `lacks`."""
_TEXTS = ("title", "alt", "caption", "external_id", "information")
_TIE_BYTES = 8
_SIGNATURE = re.compile("[0-9a-fA-F]{64}")


class Group(NamedTuple):
    """What the entries of a group have in common (see ledger.py). Empty texts stand for what an entry does not have.

    `shape` is landscape, portrait or square. `lacks` has a bit for each field of MISSING that is empty.
    """

    namespace: str
    type: str
    shape: str
    colour: str
    lacks: int
    expired: bool


class Row(NamedTuple):
    """An entry as the index has it.

    Dates are milliseconds since 1970. `tie` orders entries that are otherwise equal, in all processes in the same way.
    """

    group: Group
    unique_name: str
    folder: str
    width: int | None
    height: int | None
    expires: int | None
    visible: int | None
    uploaded: int
    updated: int
    size: int
    external_id: str | None
    signature: bytes
    tie: int
    text: str
    tags: tuple[str, ...]


def row_of(raw: bytes) -> Row:
    """Return the row of a stored entry."""
    entry = orjson.loads(raw)
    if not descriptions.are_typed(entry):
        entry |= descriptions.read(entry)
    name = str(entry["unique_name"])
    tags = tuple(dict.fromkeys(entry.get("tags", ())))
    colour, width, height = entry.get("dominant_color"), entry.get("width"), entry.get("height")
    return Row(
        unique_name=name,
        folder=name.rpartition("/")[0],
        group=Group(
            name[1:].partition("/")[0],
            str(entry.get("original_mimetype") or ""),
            _shape(width, height),
            colours.name_of(colour) if colour else "",
            sum(1 << bit for bit, field in enumerate(MISSING) if not entry.get(field)),
            entry.get("expired") is True,
        ),
        width=width,
        height=height,
        expires=milliseconds(entry.get("expiration_date")),
        visible=milliseconds(entry.get("visible_from")),
        uploaded=milliseconds(entry.get("uploaded_date")) or 0,
        updated=milliseconds(entry.get("updated_date")) or 0,
        size=int(entry.get("size") or 0),
        external_id=_text(entry.get("external_id")) or None,
        signature=signature_of(_text(entry.get("signature"))) or b"",
        tie=int.from_bytes(blake2b(name.encode(), digest_size=_TIE_BYTES).digest()) >> 1,
        text=searched((name, _text(entry.get("original_filename")), *(_text(entry.get(one)) for one in _TEXTS), *tags)),
        tags=tags,
    )


def signature_of(text: str) -> bytes | None:
    """Return the 32 bytes of a SHA-256 in hex; None for another text."""
    return bytes.fromhex(text) if _SIGNATURE.fullmatch(text) else None


def _shape(width: int | None, height: int | None) -> str:
    if not width or not height:
        return ""
    return "landscape" if width > height else "portrait" if width < height else "square"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
