"""The job *act*: what a client wants done with many entries, one entry after the other.

Each entry is read anew, and is written by the same compare-and-set as by a single request. It is left alone if it is
gone, even if another asset has its path by now, or if it has changed since a search has found it: it might not be found
any more. The job can be interrupted at any time. The next run goes on with the first entries that are not known to be
done, and does them again if they are.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.core.assets import identity
from services.core.assets.actions import Change
from services.core.assets.entries import Entry, milliseconds
from services.core.errors import NoEntry, NotFound, TadaError
from services.core.jobs import run_progress, safe_points
from services.core.jobs.action_lists import ActionLists, Item, Progress, Told
from services.core.state.changes import ChangeLog
from services.core.state.compare_and_set import Commit
from services.core.state.entries import Entries
from services.core.state.leftovers import Leftovers
from services.jobs.writers_first import let_writers_pass

BATCH = 200
"""Entries between two notes of the progress. Uploads go first before each of them."""
AT_ONCE = 8
PATIENCE_SECONDS = 5.0
"""How long a batch waits for uploads."""
_LEFTOVER_SECONDS = 10.0
GONE = "It is gone."
CHANGED = "It has changed since it was found."


class _HasChanged(Exception):
    """The entry is not the one that was found."""


@dataclass(frozen=True, slots=True)
class Act:
    """One run of an action: `change` is None for a deletion."""

    entries: Entries
    changes: ChangeLog
    leftovers: Leftovers
    lists: ActionLists
    list_id: str
    change: Change | None

    async def run(self) -> Progress:
        """Raises NotFound if the list is gone, Unavailable and RedisError; the next run goes on where this one was."""
        progress = await self.lists.progress(self.list_id)
        if progress is None:
            raise _expired()
        was_begun = progress.begun
        progress = replace(progress, begun=True)
        await self.lists.note(self.list_id, progress)
        while progress.at < progress.count and not safe_points.reached():
            await let_writers_pass(self.changes, PATIENCE_SECONDS)
            items = await self.lists.items(self.list_id, progress.at, BATCH)
            if not items:
                raise _expired()
            progress = await self._batch(items, progress, was_begun=was_begun)
            await self.lists.note(self.list_id, progress)
            await run_progress.note(progress.at, progress.count)
            was_begun = False
        await self.lists.end(self.list_id)
        return progress

    async def _batch(self, items: Sequence[Item], before: Progress, *, was_begun: bool) -> Progress:
        """Carry out the action for some entries. If an earlier run has begun with them, it may have deleted some."""
        done, commits, skipped, failed = 0, list[Commit](), list[Told](), list[Told]()
        left = iter(items)

        async def work() -> None:
            nonlocal done
            for item in left:
                if safe_points.reached():
                    return
                try:
                    commit = await self._one(item)
                except _HasChanged:
                    skipped.append(Told(item.unique_name, CHANGED))
                    continue
                except NoEntry:
                    if not (was_begun and self.change is None):
                        skipped.append(Told(item.unique_name, GONE))
                        continue
                    commit = None
                except TadaError as error:
                    if error.status >= 500:
                        raise
                    failed.append(Told(item.unique_name, error.message))
                    continue
                done += 1
                commits.extend([commit] if commit else [])

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        await self.leftovers.clear(commits, _LEFTOVER_SECONDS)
        return before.further(done, skipped, failed)

    async def _one(self, item: Item) -> Commit | None:
        """Carry out the action for an entry; the commit is None if nothing was left to do."""
        key, change, now = identity.entry_key(item.unique_name), self.change, time.time()

        def check(entry: Entry) -> None:
            if item.uploaded is not None and milliseconds(entry.uploaded_date) != item.uploaded:
                raise NoEntry(item.unique_name)
            if item.found is not None and milliseconds(entry.updated_date) != item.found:
                raise _HasChanged

        if change is None:
            return (await self.entries.delete(key, check))[1]

        def step(entry: Entry) -> Entry:
            changed = change.applied(entry, now)
            if changed is not entry:
                check(entry)
            return changed

        return (await self.entries.change(key, step))[1]


def _expired() -> NotFound:
    return NotFound("The list of the entries is not there any more.", "Ask for the action again.")
