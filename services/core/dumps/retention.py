"""Which dump is the latest one, and which are surplus. Pure.

A lost catalog is dumped every night like any other. So a dump without entries never replaces a dump with entries. A
dump of a catalog that has shrunk to less than half does not push out the last dump from before.
"""

from collections.abc import Iterable
from dataclasses import dataclass

EMPTY_BYTES = 16
"""A JSON dump of at most so many bytes is an empty list with any spaces: one entry has hundreds of bytes."""
SHRUNK = 2
"""A dump that is so many times as large as the newest one shows the catalog before a loss."""


@dataclass(frozen=True, slots=True)
class KeptDump:
    """A dump that is kept. Sizes are in bytes, None for a file that is not there.

    `rdb_records` is the number of entries that is recorded for an RDB without a JSON. `is_verified` says that each
    file has its SHA-256 beside it: it was read back after it was stored, and is compared whenever it is used.
    """

    stamp: str
    json_size: int | None
    rdb_size: int | None
    rdb_records: int | None = None
    is_verified: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it has no entries, by the size of its JSON, or by what is recorded for an RDB alone."""
        if self.json_size is None:
            return self.rdb_size is not None and self.rdb_records == 0
        return self.json_size <= EMPTY_BYTES

    @property
    def _worth(self) -> int:
        """3 for a dump with entries, 2 for an RDB without a JSON, 1 for an empty one, 0 for one without files."""
        if self.is_empty:
            return 1
        if self.json_size is None:
            return 0 if self.rdb_size is None else 2
        return 3

    @property
    def has_files(self) -> bool:
        return bool(self._worth)

    @property
    def order(self) -> tuple[int, str]:
        """The later of two dumps has the higher order, and is used first."""
        return (self._worth, self.stamp)

    @property
    def stays_before(self) -> tuple[int, str]:
        """Of two dumps, the one with the lower value is surplus first: a later RDB alone outlives an older dump."""
        return (min(self._worth, 2), self.stamp)


def latest_of(dumps: Iterable[KeptDump]) -> KeptDump | None:
    """Return the dump that `latest` names, for every kind of file: an empty one only when there is no other."""
    return max((dump for dump in dumps if dump.has_files), key=lambda dump: dump.order, default=None)


def surplus(dumps: Iterable[KeptDump], keep: int, protected: str) -> list[KeptDump]:
    """Return the surplus dumps, the oldest first. A `keep` of 0 keeps all.

    The latest `keep` dumps stay, those that may have entries first, of whatever formats. The dump with the stamp
    `protected` stays, and the last dump from before the catalog shrank.
    """
    ordered = sorted(dumps, key=lambda dump: dump.stays_before, reverse=True)
    if not keep:
        return []
    staying = {dump.stamp for dump in ordered[:keep]} | {protected}
    newest = max(ordered, key=lambda dump: dump.stamp, default=None)
    if newest is not None and newest.json_size is not None:
        limit = SHRUNK * newest.json_size
        staying |= {dump.stamp for dump in [dump for dump in ordered if (dump.json_size or 0) > limit][:1]}
    return sorted((dump for dump in ordered if dump.stamp not in staying), key=lambda dump: dump.stamp)
