"""Entries as the catalog stores them: JSON, as clients are shown it."""

import orjson

from services.core.assets.entries import Entry
from services.core.assets.facts import NO_FACTS


def read(raw: bytes) -> Entry:
    """Read a stored entry."""
    return Entry(**orjson.loads(raw))


def write(entry: Entry) -> bytes:
    return orjson.dumps(entry)


def without_facts(raw: bytes | None) -> Entry | None:
    """Return a stored entry without the fields on which no delivered answer depends."""
    return read(raw).with_facts(NO_FACTS) if raw else None
