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
    left_out_count: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    now: str = field(default_factory=timestamp)
    _paths: set[bytes] = field(default_factory=set)
    """The entry key of each path."""
    _by_path: set[bytes] = field(default_factory=set)
    """The MD5 of each path."""
    _others: dict[bytes, str] = field(default_factory=dict)
    """Each uuid that does not follow from the path of the entry that shows it, and the key of this entry."""
    _repeated: int = 0

    @property
    def restorable(self) -> int:
        return self.entries - self.left_out_count

    @property
    def renamed(self) -> int:
        """Entries that get the MD5 of their paths, because another entry has the uuid that they had."""
        return self._repeated + len(self.outdone())

    def outdone(self) -> list[str]:
        """Return the keys of those entries among the taken ones that show the uuid of the path of another."""
        return [key for uuid, key in self._others.items() if uuid in self._by_path or uuid in self._paths]

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
        """Return the entry with the uuid that it shows; of several with one uuid, the first keeps it.

        Only at the end of the dump it is known whether that is the uuid of the path of another (see `outdone`).
        """
        by_path = identity.asset_uuid(entry.unique_name)
        self._by_path.add(_short(by_path))
        shown = identity.canonical(entry.uuid) or entry.uuid
        if shown in (entry.key, by_path):
            return entry
        if self._others.setdefault(_short(shown), entry.key) == entry.key:
            return entry
        self._repeated += 1
        return replace(entry, uuid=by_path)

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
