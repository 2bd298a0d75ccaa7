"""Which dump is the latest one, and which are too many. Pure.

A catalog that has been lost is dumped every night like any other. So a dump without entries never takes the place of
one that has some, and one of a catalog that has shrunk to less than half does not push out the last one from before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

EMPTY_BYTES = 16
"""A JSON dump of so few bytes is an empty list, however it is spaced: one entry has hundreds."""
SHRUNK = 2
"""A dump that is so many times as large as the newest one shows what the catalog was before a loss."""


@dataclass(frozen=True, slots=True)
class KeptDump:
    """A dump that is kept. Sizes are in bytes, None for a file that is not there."""

    stamp: str
    json_size: int | None
    rdb_size: int | None

    @property
    def is_empty(self) -> bool:
        """Whether it has no entries, as far as its JSON says it."""
        return self.json_size is not None and self.json_size <= EMPTY_BYTES

    @property
    def _worth(self) -> int:
        """2 for a dump with entries, 1 for an RDB that has lost its JSON, 0 for an empty one."""
        return 1 if self.json_size is None else 0 if self.is_empty else 2

    @property
    def order(self) -> tuple[int, str]:
        """The later of two dumps has the higher order, and is used first."""
        return (self._worth, self.stamp)


def latest_of(dumps: Iterable[KeptDump], kind: Literal["json", "rdb"]) -> KeptDump | None:
    """Return the latest dump that has a file of a kind: an empty one only when there is no other."""
    found = [dump for dump in dumps if (dump.json_size if kind == "json" else dump.rdb_size) is not None]
    return max(found, key=lambda dump: dump.order, default=None)


def surplus(dumps: Iterable[KeptDump], keep: int, protected: str) -> list[KeptDump]:
    """Return the dumps that are too many, the oldest first. A `keep` of 0 keeps all.

    The latest `keep` stay, those with entries first, and that of the stamp `protected`. The last one from before the
    catalog has shrunk stays too.
    """
    ordered = sorted(dumps, key=lambda dump: dump.order, reverse=True)
    if not keep:
        return []
    staying = {dump.stamp for dump in ordered[:keep]} | {protected}
    newest = max(ordered, key=lambda dump: dump.stamp, default=None)
    if newest is not None and newest.json_size is not None:
        limit = SHRUNK * newest.json_size
        staying |= {dump.stamp for dump in [dump for dump in ordered if (dump.json_size or 0) > limit][:1]}
    return sorted((dump for dump in ordered if dump.stamp not in staying), key=lambda dump: dump.stamp)
