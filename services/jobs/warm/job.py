"""The job *warm*: the forms that WARM names are made of every asset, of those below a folder, or of one.

It is for what was uploaded or purged before. It can be interrupted at any time: what is in the caches already costs a
look-up.
"""

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from services.core.assets.entries import Entry
from services.core.errors import BadRequest, CatalogReplaced, SignatureMismatch, Unavailable, Undecodable
from services.core.jobs import run_progress, safe_points
from services.core.state import entry_json
from services.core.state.changes import ChangeLog
from services.core.state.entries import Entries
from services.core.storage import ObjectMissing
from services.jobs import metrics
from services.jobs.describe.describer import NAMED_MAX, Failed, Sight
from services.jobs.warm.forms import Asked, Form, Outcome
from services.jobs.warm.warmer import PATIENCE_SECONDS, Warmer
from services.jobs.writers_first import let_writers_pass


@dataclass(slots=True)
class Warmed:
    """The result of a run: of `checked` assets, how many have all forms now, and how many lack one at some node.

    For one asset, `folder` is None, and `uuid` and `unique_name` say which.
    """

    folder: str | None
    forms: list[str]
    uuid: str | None = None
    unique_name: str | None = None
    checked: int = 0
    warmed_count: int = 0
    failed: list[Failed] = field(default_factory=list)
    failed_count: int = 0

    def note_failure(self, entry: Entry, why: str) -> None:
        self.failed_count += 1
        if len(self.failed) < NAMED_MAX:
            self.failed.append(Failed(entry.uuid, entry.unique_name, why))

    def answer(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WarmAll:
    """One run of the job, for the assets below `folder` (all with an empty one), or for the one with `uuid`."""

    entries: Entries
    changes: ChangeLog
    sight: Sight
    warmer: Warmer
    folder: str
    uuid: str | None = None

    async def run(self) -> Warmed:
        """Raises BadRequest without forms, NoEntry, Unavailable if no node answers, StorageDown and RedisError."""
        if not self.warmer.forms:
            raise BadRequest("WARM names no forms.", "Set it for the jobs worker, such as WARM=thumb,hero.")
        if self.uuid is not None:
            return await self._run_one(await self.entries.get(self.uuid))
        waiting = metrics.WARM_WAITING.labels("job")
        try:
            while True:
                found = self._begun()
                count, seen = await self.entries.count(), 0
                waiting.set(count)
                try:
                    async for raws in self.entries.scan():
                        for raw in raws:
                            if safe_points.reached():
                                return found
                            await self._look_at(entry_json.read(raw), found)
                            waiting.dec()
                            seen += 1
                            await run_progress.note(seen, count)
                except CatalogReplaced:
                    continue  # A restore replaced it: go through the new catalog instead.
                return found
        finally:
            waiting.set(0)

    async def _run_one(self, entry: Entry) -> Warmed:
        found = replace(self._begun(), folder=None, uuid=entry.uuid, unique_name=entry.unique_name)
        if entry.is_visible(time.time()):
            await self._note(entry, found)
        else:
            found.note_failure(entry, "It is not visible now: it has expired, or its time has not come.")
        return found

    def _begun(self) -> Warmed:
        return Warmed(self.folder, [str(form) for form in self.warmer.forms])

    async def _look_at(self, entry: Entry, found: Warmed) -> None:
        if not entry.unique_name.startswith(f"{self.folder}/") or not entry.is_visible(time.time()):
            return
        await let_writers_pass(self.changes, PATIENCE_SECONDS)
        # Read it again: a page takes some time.
        raw = await self.entries.raw(entry.key)
        if raw is None:
            return
        await self._note(entry_json.read(raw), found)

    async def _note(self, entry: Entry, found: Warmed) -> None:
        """Warm an asset and note what became of it."""
        found.checked += 1
        asked = await self._warm(entry)
        all_asked = [(form, each) for form, nodes in asked.items() for each in nodes]
        if all(each.outcome is Outcome.AWAY for _, each in all_asked):
            raise Unavailable(all_asked[0][1].why, "Check NGINX_EDGE_SERVICE, and whether the edge runs.")
        missing = next((f"{form}: {each.why}" for form, each in all_asked if not each.is_there), None)
        if missing is None:
            found.warmed_count += 1
            return
        found.note_failure(entry, missing)

    async def _warm(self, entry: Entry) -> dict[Form, list[Asked]]:
        # Others are left to the jobs describe and reduce: a look at each of them would be a decoding in every run.
        if self.sight.needs_reduction(entry):
            with suppress(Undecodable, SignatureMismatch, ObjectMissing):  # The edge says what becomes of it.
                await self.sight.describe(entry)
        return await self.warmer.warm(entry)
