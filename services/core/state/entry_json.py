"""Entries as the catalog stores them: JSON, as clients see it, but without their public addresses.

There is room for the addresses (`Addresses.fill`): an empty text for each. A service of the previous version, which may
work beside this one for a moment during an upgrade, needs these fields. Nested fields of the same names are no such
room: they are written with an escape, which means the same. What has nested fields, `meta` and `more`, comes last.
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson

from services.core.assets import descriptions, reading
from services.core.assets.addresses import SHOWN, Addresses
from services.core.assets.entries import IF_KNOWN, Entry
from services.core.assets.facts import NO_FACTS
from services.core.assets.reading import NotUnderstood

_ROOM = (
    (b'"unique_name":', b'"public_url":"","unique_name":'),
    (b'"external_id":', b'"base_url":"","base_host":"","external_id":'),
)
_NESTED = ((b'"public_url":', b'"\\u0070ublic_url":'), (b'"base_url":', b'"\\u0062ase_url":'))

_KNOWN = frozenset(Entry.__slots__) - {"more"}
_NOT_KNOWN = tuple(f',"{name}":null'.encode() for name in IF_KNOWN)
_NEWEST = b',"visible_from":'
_TAGS, _META = b',"tags":[', b',"meta":{'
"""Entries that have these fields and _NEWEST were written with all fields. The older service may have had some only."""
_LAST_BEFORE = b'"content_date":'
"""The field that was the last one in the version before, but for those of IF_KNOWN and of the older service."""
_DESCRIBING = re.compile(rf'"(?:{"|".join(descriptions.FIELDS)})":'.encode())
_NOT_DESCRIBED = b"," + orjson.dumps({"visible_from": None, **descriptions.read({})})[1:]


def read(raw: bytes) -> Entry:
    """Read a stored entry."""
    stored = orjson.loads(raw)
    for name in SHOWN:
        stored.pop(name, None)
    _mend(stored)
    if stored.keys() <= _KNOWN:
        return Entry(**stored)
    more = {name: stored.pop(name) for name in list(stored) if name not in _KNOWN}
    return Entry(**stored, more=more)


def _mend(stored: dict[str, Any]) -> None:
    """Replace what the older service had in fields that this one knows: the version before kept whatever it was."""
    if not descriptions.are_typed(stored):
        stored |= descriptions.read(stored)
    if stored.get("visible_from") is not None:
        try:
            stored["visible_from"] = reading.date("visible_from", stored["visible_from"])
        except NotUnderstood:
            stored["visible_from"] = None


def write(entry: Entry) -> bytes:
    meta, more = orjson.dumps(entry.meta), orjson.dumps(entry.more)
    raw = orjson.dumps(entry).removesuffix(b',"meta":' + meta + b',"more":' + more + b"}")
    for field, with_room in _ROOM:
        raw = raw.replace(field, with_room, 1)
    for field in _NOT_KNOWN:
        raw = raw.replace(field, b"", 1)
    raw += b',"meta":' + _escaped(meta)
    return raw + (b"," + _escaped(more)[1:] if entry.more else b"}")


def _escaped(nested: bytes) -> bytes:
    for field, escaped in _NESTED:
        nested = nested.replace(field, escaped)
    return nested


def list_of(raws: Iterable[bytes], addresses: Addresses) -> bytes:
    """Return stored entries as clients see them, separated by commas."""
    return addresses.fill(b",".join(map(with_all_fields, raws)))


def with_all_fields(raw: bytes) -> bytes:
    """Return a stored entry with the fields that were added after it was written: they are empty.

    This costs a search in the text. It begins at the end, where these fields are.
    """
    if raw.rfind(_NEWEST) >= 0:
        return raw if raw.rfind(_TAGS) >= 0 and raw.rfind(_META) >= 0 else write(read(raw))
    last = raw.rfind(_LAST_BEFORE)
    # The older service had other values in fields of these names.
    if last < 0 or _DESCRIBING.search(raw, last):
        return write(read(raw))
    return raw[:-1] + _NOT_DESCRIBED


def shown(entry: Entry, addresses: Addresses) -> dict[str, Any]:
    """Return an entry as clients see it."""
    found: dict[str, Any] = orjson.loads(addresses.fill(write(entry)))
    return found


def without_facts(raw: bytes | None) -> Entry | None:
    """Return a stored entry without the fields on which no delivered answer depends."""
    return read(raw).with_facts(NO_FACTS) if raw else None
