"""The job *reduce*: every picture of which a reduction pays gets one, as the settings want it now; others lose theirs.

It is for what was uploaded before, and for what a restore has brought. It can be interrupted at any time, and goes on
where it was: what has a current reduction is skipped.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from services.core.assets import reductions
from services.core.assets.entries import Entry
from services.core.errors import CatalogReplaced, SignatureMismatch, Undecodable
from services.core.jobs import run_progress, safe_points
from services.core.state import entry_json
from services.core.state import reductions as records
from services.core.state.changes import ChangeLog
from services.core.state.claims import Claims
from services.core.state.entries import Entries
from services.core.storage import ObjectMissing, Storage
from services.jobs.describe.describer import NAMED_MAX, PATIENCE_SECONDS, Failed, Sight, reason
from services.jobs.describe.reducer import Reducer
from services.jobs.describe.sweep import sweep
from services.jobs.writers_first import let_writers_pass


@dataclass(slots=True)
class ReduceResult:
    """The result of a run. `count` and `bytes` are of all reductions of the catalog, `side` is their setting."""

    side: int
    checked: int = 0
    count: int = 0
    bytes: int = 0
    made_count: int = 0
    removed_count: int = 0
    failed: list[Failed] = field(default_factory=list)
    failed_count: int = 0

    def answer(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReduceAll:
    """One run of the job. `whole` says whether the bytes of reductions are checked, and not only their size."""

    entries: Entries
    changes: ChangeLog
    claims: Claims
    sight: Sight
    reducer: Reducer
    storage: Storage
    whole: bool = False

    async def run(self) -> ReduceResult:
        """Raises StorageDown and RedisError; the next run goes on where this one was."""
        while True:
            found = ReduceResult(self.reducer.side)
            if not self.reducer.is_possible:
                # They are in the storage from before this one.
                await self.reducer.records.forget_all()
                break
            try:
                count = await self.entries.count()
                async for raws in self.entries.scan():
                    if safe_points.reached():
                        return found
                    await self._look_at([entry_json.read(raw) for raw in raws], found, count)
            except CatalogReplaced:
                continue  # A restore replaced it: go through the new catalog instead.
            if safe_points.reached():
                return found
            found.removed_count += await sweep(self.entries, self.reducer, self.claims, self.storage)
            break
        await self.reducer.records.note_all_made_for(self.reducer.side)
        return found

    async def _look_at(self, entries: Sequence[Entry], found: ReduceResult, count: int) -> None:
        for entry, raw in zip(entries, await self.reducer.records.raws([entry.key for entry in entries]), strict=True):
            if safe_points.reached():
                return
            await run_progress.note(found.checked, count)
            found.checked += 1
            if raw is not None and await self._is_good(entry, raw, found):
                continue
            if reductions.may_pay(entry, self.reducer.side):
                await let_writers_pass(self.changes, PATIENCE_SECONDS)
                await self._make(entry, found)

    async def _is_good(self, entry: Entry, raw: bytes, found: ReduceResult) -> bool:
        """Say whether an entry has a good reduction; one that is not, and is not going to be replaced, is removed."""
        reduction = records.read(raw)
        wanted = reductions.may_pay(entry, self.reducer.side)
        if wanted and reduction.shows(entry):
            if not reduction.is_current(self.reducer.side):
                return False
            try:
                await self.reducer.check(entry, reduction, whole=self.whole)
            except (ObjectMissing, SignatureMismatch):
                pass
            else:
                found.count += 1
                found.bytes += reduction.size
                return True
        found.removed_count += await self.reducer.drop(entry.key, raw)
        return False

    async def _make(self, entry: Entry, found: ReduceResult) -> None:
        try:
            # Read it again: a page takes some time.
            current = await self.entries.raw(entry.key)
            if current is None or not await self.sight.describe(entry_json.read(current)):
                return
        except (Undecodable, SignatureMismatch, ObjectMissing) as error:
            found.failed_count += 1
            if len(found.failed) < NAMED_MAX:
                found.failed.append(Failed(entry.uuid, entry.unique_name, reason(error, entry)))
            return
        found.made_count += 1
        if made := await self.reducer.records.of(entry):
            found.count += 1
            found.bytes += made.size
