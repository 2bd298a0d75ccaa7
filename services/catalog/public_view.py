"""What the public sees of the catalog, through the edge: everything, a part of it, or nothing. Pure.

The internal entry shows everything. It asks the catalog service itself, so what it answers is never in a cache. What
the public is answered comes through the cache tier, which marks its requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from services.core.assets.addresses import SHOWN, Addresses
from services.core.assets.entries import Entry
from services.core.assets.freshness import GENERATION_HEADER
from services.core.state import entry_json

PUBLIC_HEADER = "x-public"
"""Set by the cache tier on its requests. The internal entry removes it."""
FIELDS = frozenset((*(field.name for field in fields(Entry) if field.name != "more"), *SHOWN))
Shows = Literal["true", "delivered", "false"]


@dataclass(frozen=True, slots=True)
class PublicView:
    """`shows` is all entries, only those that the public can fetch now, or none. `fields` are shown of them, or
    all if there are none here."""

    shows: Shows
    fields: frozenset[str]
    namespaces: frozenset[str]

    @property
    def is_whole(self) -> bool:
        """Whether the public sees what the internal entry shows."""
        return self.shows == "true" and not self.fields

    @property
    def is_closed(self) -> bool:
        return self.shows == "false"

    @property
    def name(self) -> str:
        """What differs between two views: copies of answers of another one are stale. Empty for the whole catalog."""
        if self.is_whole:
            return ""
        namespaces = self.namespaces if self.shows == "delivered" else ()
        return f"#{self.shows}:{','.join(sorted(self.fields))}:{','.join(sorted(namespaces))}"

    @property
    def filters(self) -> frozenset[str]:
        """The fields by which entries may be chosen. By one that is not shown they may not: that would tell it."""
        return self.fields or FIELDS

    def takes(self, entry: Entry, now: float) -> bool:
        """Say whether an entry is shown at `now` (seconds since the epoch)."""
        is_delivered = entry.namespace in self.namespaces and entry.is_visible(now)
        return self.shows == "true" or (self.shows == "delivered" and is_delivered)

    def until(self, entry: Entry, now: float) -> float | None:
        """Return when time alone changes whether an entry is shown; None for never."""
        if self.shows != "delivered" or entry.namespace not in self.namespaces or entry.is_expired(now):
            return None
        ends = entry.expires_at
        starts = entry.visible_at
        return starts if starts is not None and starts > now else ends

    def shown(self, raw: bytes, addresses: Addresses) -> bytes:
        """Return a stored entry with the fields that are shown."""
        whole = entry_json.list_of([raw], addresses)
        if not self.fields:
            return whole
        return orjson.dumps({name: value for name, value in orjson.loads(whole).items() if name in self.fields})


def is_public(headers: Mapping[str, str]) -> bool:
    """Say whether a request comes through the cache tier. That of the version before names a generation only."""
    return PUBLIC_HEADER in headers or GENERATION_HEADER in headers
