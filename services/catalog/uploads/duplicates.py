"""Which other entries have the bytes of an upload."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from services.catalog.search.search import Search
from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.errors import NoIndex
from services.core.state import entry_json
from services.core.state.entries import Entries

NAMED_MAX = 10
"""Duplicates that are named for one upload."""


async def duplicates(
    search: Search, stored: Entries, uploaded: Sequence[Entry], may_see: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """Return uuid and path of other entries with the bytes of an upload, in namespaces that one may see; `of` is the
    uuid of the upload.

    Nothing is named without an index, nor if Redis is away.
    """
    found: list[dict[str, Any]] = []

    def is_seen(unique_name: str) -> bool:
        return may_see(unique_name.split("/")[1])

    with suppress(NoIndex, RedisError):
        for entry in uploaded:
            found += await _as_they_are(stored, entry, search.same_bytes(entry.signature, is_seen))
    return found


async def _as_they_are(stored: Entries, uploaded: Entry, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return those that still have the bytes: the index may be behind."""
    others = [name for name in names if name != uploaded.unique_name]
    raws = await stored.raws([identity.entry_key(name) for name in others])
    entries = (entry_json.read(raw) for raw in raws if raw)
    same = (entry for entry in entries if entry.signature == uploaded.signature)
    return [
        {"of": uploaded.uuid, "uuid": entry.uuid, "unique_name": entry.unique_name}
        for entry in itertools.islice(same, NAMED_MAX)
    ]
