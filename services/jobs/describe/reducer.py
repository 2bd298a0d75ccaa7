"""Stores reductions: first a claim, then the object, then the record. Whoever dies in between leaves a claim, and the
reaper deletes the object.
"""

import asyncio
import hashlib

from services.core.assets import reductions
from services.core.assets.entries import Entry
from services.core.assets.reductions import Reduction
from services.core.errors import TadaError
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.process import Process
from services.core.state.reaper import Reaper
from services.core.state.reductions import Reductions
from services.core.storage import NewObject, Receipt, ReplacesInPlace, Storage, StoredObject
from services.core.storage.verification import verify, verify_size
from services.jobs import metrics
from services.jobs.describe.inspection import Picture
from services.jobs.work_folder import work_folder


class Reducer:
    """Keeps the reductions of a catalog. All methods raise StorageDown and RedisError."""

    def __init__(
        self, records: Reductions, claims: Claims, process: Process, reaper: Reaper, storage: Storage, side: int
    ) -> None:
        self.records = records
        self._claims, self._process, self._reaper, self._storage = claims, process, reaper, storage
        self.is_possible = not isinstance(storage, ReplacesInPlace)
        """The protocol of a distant backend has no place for reductions."""
        self.side = side if self.is_possible else 0
        """The longer side that they have; 0 for none."""

    async def lacks(self, entry: Entry) -> bool:
        """Say whether an entry may need a reduction, and has none that is current."""
        if not reductions.may_pay(entry, self.side):
            return False
        found = await self.records.of(entry)
        return found is None or not found.is_current(self.side)

    async def keep(self, entry: Entry, picture: Picture) -> bool:
        """Store and record a reduction of what an entry refers to; False if it refers to other bytes by now."""
        claim = await self._claims.make_for_reduction(entry.unique_name)
        try:
            kept = await self._store(entry, picture, claim)
        except BaseException:
            await self._claims.give_up([claim])
            raise
        if not kept:
            await self._reaper.discard(claim)
        metrics.REDUCTIONS_MADE.labels("made" if kept else "late").inc()
        return kept

    async def drop(self, entry_key: str, raw: bytes) -> bool:
        """Remove a record as it was read, and its object; say whether it was still there."""
        left = await self.records.drop(entry_key, raw)
        if left is not None:
            await self._reaper.settle_leftovers([left])
        return left is not None

    async def check(self, entry: Entry, reduction: Reduction, *, whole: bool) -> None:
        """Look whether a reduction is in the storage, or even read all of it; raises ObjectMissing and
        SignatureMismatch."""
        await (verify if whole else verify_size)(self._storage, reductions.stored_as(entry, reduction))

    async def _store(self, entry: Entry, picture: Picture, claim: Claim) -> bool:
        made = Reduction(
            storage_key=claim.storage_key,
            of=entry.signature,
            digest=hashlib.sha256(picture.content).hexdigest(),
            size=len(picture.content),
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            side=self.side,
            revision=reductions.REVISION,
            smaller=picture.smaller,
        )
        async with work_folder(self._storage.spool, self._process) as folder:
            source = folder / "reduction"
            await asyncio.to_thread(source.write_bytes, picture.content)
            stored = StoredObject(made.storage_key, made.media_type)
            [outcome] = await self._storage.put([NewObject(stored, source, made.digest)])
        if isinstance(outcome, TadaError):
            raise outcome
        return isinstance(outcome, Receipt) and await self.records.record(entry, made, claim)
