"""The last changes of the log, kept in memory: every node of the gateway is sent the same ones."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from services.core.assets import identity, names
from services.core.state.changes import CatalogReplaced, Change, EntryDeleted, EntryDescribed, EntryWritten
from services.jobs.purge.node import Batch

HELD = 4000


def lines(change: Change) -> str:
    """Return the message to a node about a change: what is removed from its disk, and which purge groups are raised."""
    match change:
        case EntryWritten() | EntryDeleted():
            raised = [*map(names.stem, (change.unique_name, *change.also)), *_pages(change)]
        case EntryDescribed():
            raised = _pages(change)
        case CatalogReplaced():
            raised = ["*"]
    told = [f"{change.number} gone {address}\n" for address in _addresses(change)]
    return "".join([*told, *(f"{change.number} raise {group}\n" for group in raised)])


def _pages(change: EntryWritten | EntryDeleted | EntryDescribed) -> list[str]:
    """Return the purge groups of an entry's page: one for each uuid by which it is found."""
    return identity.all_names(change.uuid, change.unique_name)


def _addresses(change: Change) -> Sequence[str]:
    """Return the known addresses under which a deleted file was delivered."""
    if not isinstance(change, EntryDeleted):
        return ()
    full = [change.unique_name]
    if change.unique_name.endswith(".gif"):
        full.append(names.with_extension(change.unique_name, "webp"))
    return (
        f"/assets/media/original{change.original_name}",
        *(f"/assets/media/full{name}" for name in full),
        *(f"/catalog/{name}" for name in _pages(change)),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    change: Change
    lines: str

    @property
    def number(self) -> int:
        return self.change.number


class Recent:
    """Changes in their order, without a gap. `newest` is the number of the last one, 0 as long as there is none."""

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._news = asyncio.Condition()

    @property
    def newest(self) -> int:
        return self._held[-1].number if self._held else 0

    async def add(self, changes: Sequence[Change]) -> None:
        """Add the next changes."""
        self._held += [_Held(change, lines(change)) for change in changes]
        del self._held[:-HELD]
        async with self._news:
            self._news.notify_all()

    def forget(self) -> None:
        """Begin again: Redis has another log, or there is a gap in the log."""
        self._held.clear()

    def after(self, number: int, count: int) -> Batch | None:
        """Return up to `count` changes after a number; None when the change of that number is not held."""
        at = bisect_left(self._held, number, key=_number)
        if at == len(self._held) or self._held[at].number != number:
            return None
        found = self._held[at + 1 : at + 1 + count]
        to = found[-1].number if found else number
        return Batch(number, to, to == self.newest, [held.lines for held in found])

    def between(self, after: int, up_to: int) -> list[Change]:
        """Return the changes that are held after one number up to another."""
        begin, end = (bisect_right(self._held, number, key=_number) for number in (after, up_to))
        return [held.change for held in self._held[begin:end]]

    async def newer_than(self, number: int, seconds: float) -> None:
        """Wait until there is a change after a number, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.newest > number)
        except TimeoutError:
            return


def _number(held: _Held) -> int:
    return held.number
