"""The job *empty_trash*: lets go what can be undone no longer, and deletes it.

That is a deleted asset after its time, an earlier version of which there are enough younger ones, and what has lost its
asset. Each is let go in one step, and becomes a leftover, so the job can end at any moment and be run again. It also
forgets the old paths of assets that were moved, after their time.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.core.assets.retired import Undo
from services.core.jobs import safe_points
from services.core.state.entries import Entries
from services.core.state.moving import OldPaths
from services.core.state.reaper import Reaper
from services.core.state.retired import Indexed, RetiredObjects

_BATCH = 100
_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS
_OWNERLESS_DAYS = 7
"""For how long versions stay whose asset neither exists nor is in the trash: the catalog may be restored."""


@dataclass(slots=True)
class Emptied:
    """The result of a run: deleted assets and earlier versions that are let go, objects that are deleted by now, and
    old paths that are forgotten."""

    dry_run: bool
    assets: int = 0
    versions: int = 0
    deleted: int = 0
    old_paths: int = 0

    def answer(self) -> dict[str, Any]:
        return asdict(self)


async def empty_trash(
    retired: RetiredObjects,
    entries: Entries,
    reaper: Reaper,
    undo: Undo,
    now: float,
    *,
    up_to: int = 0,
    dry_run: bool = False,
) -> Emptied:
    """Let go what is due at `now` (seconds since the epoch), and the deletions with numbers `up_to` before their time.

    Raises StorageDown and RedisError. What has been let go then is deleted later.
    """
    found, moment = Emptied(dry_run), int(now * _MICROSECONDS)
    run = _Run(retired, reaper, found)
    if not dry_run:
        await retired.take_back_all()  # A restore may have ended too early.
    after, until = 0, max(up_to, moment - undo.trash_days * _DAY)
    while due := await retired.trash_until(until, after, _BATCH):
        if safe_points.reached():
            return found
        found.assets += len(due)
        await run.let_go([(one.entry.storage_key, one.number, one.group) for one in due])
        after = due[-1].number
    epoch = await entries.epoch()
    async for group in retired.groups():
        if safe_points.reached():
            return found
        surplus = await _surplus(group, retired, entries, undo, moment, epoch)
        found.versions += len(surplus)
        await run.let_go([(one.storage_key, one.number, one.group) for one in surplus])
    return found


async def forget_old_paths(old_paths: OldPaths, days: int, now: float, *, dry_run: bool = False) -> int:
    """Forget the paths that assets left more than `days` before `now` (seconds since the epoch); return how many.

    0 days are no limit. Raises RedisError.
    """
    if not days:
        return 0
    before, found = int(now * _MICROSECONDS) - days * _DAY, 0
    async for asset, count in old_paths.left_before(before):
        if safe_points.reached():
            break
        found += count if dry_run else await old_paths.forget(asset, before)
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    retired: RetiredObjects
    reaper: Reaper
    found: Emptied

    async def let_go(self, due: Sequence[tuple[str, int, str]]) -> None:
        if self.found.dry_run:
            return
        left = [leftover for one in due for leftover in await self.retired.let_go(*one)]
        self.found.deleted += await self.reaper.settle_leftovers(left)


async def _surplus(
    group: Sequence[Indexed], retired: RetiredObjects, entries: Entries, undo: Undo, moment: int, epoch: int
) -> Sequence[Indexed]:
    """Return the versions of a group that are not kept any longer."""
    first = group[0]
    if first.deletion is not None and await retired.trashed(first.deletion):
        return ()  # They leave the trash with their asset.
    if first.deletion is None and await entries.raw(first.group) is not None:
        return group[: max(0, len(group) - undo.versions)]
    return [one for one in group if moment - max(one.number, epoch) >= _OWNERLESS_DAYS * _DAY]
