"""Which entries of a dump can be restored. Pure functions.

A dump of this service has every field, and its entries stay the same byte for byte. An entry of the older Node.js
service is read for what it means (see `assets/reading`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from services.core.assets import identity, reading
from services.core.assets.entries import Entry, timestamp
from services.core.assets.reading import NotUnderstood

NAMED_MAX = 100_000
"""Entries that are named; all of them are counted."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that cannot be restored. `index` is its place in the dump, from 1; texts that it lacks are empty."""

    index: int
    uuid: str
    unique_name: str
    reason: str

    def __str__(self) -> str:
        names = " ".join(name for name in (self.unique_name, self.uuid) if name)
        return f"entry {self.index}{f' ({names})' if names else ''}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """What has been found in a dump so far."""

    entries: int = 0
    completed: int = 0
    """Entries with missing fields that were filled in."""
    renamed: int = 0
    """Entries that got another uuid, because an entry before them has the one that they had."""
    left_out_count: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    now: str = field(default_factory=timestamp)
    _paths: set[bytes] = field(default_factory=set)
    _uuids: set[bytes] = field(default_factory=set)

    @property
    def restorable(self) -> int:
        return self.entries - self.left_out_count

    def take(self, values: Iterable[object]) -> list[Entry]:
        """Return the entries among the next values of a list; note those that cannot be restored."""
        found = []
        for value in values:
            self.entries += 1
            try:
                found.append(self._take(value))
            except NotUnderstood as problem:
                self._leave_out(value, str(problem))
        return found

    def _take(self, value: object) -> Entry:
        entry = reading.read(value, self.now)
        path = _short(entry.key)
        if path in self._paths:
            raise NotUnderstood(f"{entry.unique_name} occurs twice")
        self._paths.add(path)
        self.completed += isinstance(value, dict) and not reading.is_complete(value)
        return self._with_own_uuid(entry)

    def _leave_out(self, value: object, reason: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < NAMED_MAX:
            uuid, path = (_text_in(value, name) for name in ("uuid", "unique_name"))
            self.left_out.append(LeftOut(self.entries, uuid, path, reason))

    def _with_own_uuid(self, entry: Entry) -> Entry:
        """Return the entry with the uuid that it shows; of several with one uuid, the first keeps it."""
        shown = identity.canonical(entry.uuid) or entry.uuid
        if shown in (entry.key, identity.asset_uuid(entry.unique_name)):
            return entry  # It follows from the path: no other entry has it.
        uuid = _short(shown)
        if uuid not in self._uuids:
            self._uuids.add(uuid)
            return entry
        self.renamed += 1
        return replace(entry, uuid=identity.asset_uuid(entry.unique_name))

    def summary(self) -> str:
        """Return all that cannot be restored, in one text."""
        more = self.left_out_count - len(self.left_out)
        return "; ".join(map(str, self.left_out)) + (f"; and {more} more" if more else "")


def _short(uuid: str) -> bytes:
    return bytes.fromhex(uuid.replace("-", ""))


_SHOWN = 200


def _text_in(value: object, name: str) -> str:
    """Return what an entry says of itself, as far as it is a text."""
    said = value.get(name) if isinstance(value, dict) else None
    return said[:_SHOWN].encode(errors="replace").decode() if isinstance(said, str) else ""
