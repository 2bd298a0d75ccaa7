"""What a restore would change: which entries of the dump come, which change, and which the catalog has and would lose.

It is found out while the dump is read, and changes nothing. What is written to the catalog meanwhile may be missing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from services.core.assets.entries import Entry
from services.core.state import entry_json
from services.core.state.entries import Entries

NAMED_MAX = 100
"""Entries of each kind that are named; all of them are counted."""
_APART = ("updated_date", "uuid")
"""Fields that say nothing of what people would see, if they are all that differs."""


@dataclass(slots=True)
class Difference:
    """`added_count` entries come, `removed_count` go, `changed_count` get another file or other fields.

    Of those that change, `replaced_count` get another file. `same_count` stay as they are.
    """

    added_count: int = 0
    added: list[str] = field(default_factory=list)
    removed_count: int = 0
    removed: list[str] = field(default_factory=list)
    changed_count: int = 0
    changed: list[str] = field(default_factory=list)
    replaced_count: int = 0
    same_count: int = 0

    def answer(self) -> dict[str, Any]:
        return asdict(self)


class Comparison:
    """Compares the entries of a dump with those of the catalog. All methods raise RedisError."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._keys: set[str] = set()
        """Keys of the dump's entries, of which about 90 bytes each are kept."""
        self._found = Difference()

    async def take(self, entries: Sequence[Entry]) -> None:
        """Compare the next entries of the dump."""
        self._keys.update(entry.key for entry in entries)
        raws = await self._entries.raws([entry.key for entry in entries])
        found = self._found
        for entry, raw in zip(entries, raws, strict=True):
            live = entry_json.read(raw) if raw else None
            if live is None:
                found.added_count += 1
                _name(found.added, entry)
            elif _said(live) == _said(entry):
                found.same_count += 1
            else:
                found.changed_count += 1
                found.replaced_count += live.signature != entry.signature
                _name(found.changed, entry)

    async def end(self) -> Difference:
        """Return the difference, when all entries of the dump are taken."""
        async for raws in self._entries.scan():
            for entry in map(entry_json.read, raws):
                if entry.key not in self._keys:
                    self._found.removed_count += 1
                    _name(self._found.removed, entry)
        return self._found


def _name(names: list[str], entry: Entry) -> None:
    if len(names) < NAMED_MAX:
        names.append(entry.unique_name)


def _said(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.fields.items() if name not in _APART}
