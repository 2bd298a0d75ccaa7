"""Settles stored objects whose writer died or gave up, and objects that a change has left behind."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from services.core.errors import SignatureMismatch, StorageDown
from services.core.observing import logs
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.stale_claims import Leftover, StaleClaim, StaleClaims
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage, StoredObject
from services.core.storage.verification import verify

log = logging.getLogger(__name__)

_BATCH = 100


class Reaper:
    """Settles stale claims. Claims that cannot be settled now are given up: the next reaper tries them again.

    All methods raise StorageDown and RedisError. They leave a correct state then.
    """

    def __init__(self, claims: Claims, stale: StaleClaims, doubts: Doubts, entries: Entries, storage: Storage) -> None:
        self._claims, self._stale, self._doubts = claims, stale, doubts
        self._entries, self._storage = entries, storage

    async def settle_all(self) -> int:
        """Settle every stale claim; return how many."""
        settled = 0
        batch: list[StaleClaim] = []
        try:
            async for stale in self._stale.take_all():
                batch.append(stale)
                if len(batch) == _BATCH:
                    taken, batch = batch, []
                    settled += await self.settle(taken)
        except BaseException:
            await self._give_up(batch)
            raise
        return settled + await self.settle(batch)

    async def discard(self, claim: Claim) -> None:
        """Settle the claim of a write of this process that has failed, unless it went through after all."""
        stale = await self._stale.take_back(claim)
        if stale:
            await self.settle([stale])

    async def settle_leftovers(self, leftovers: Sequence[Leftover]) -> int:
        """Delete what changes have just left behind, unless somebody else has it; return how many objects."""
        taken: list[StaleClaim] = []
        try:
            for leftover in leftovers:
                stale = await self._stale.take_leftover(leftover)
                taken += [stale] if stale else []
        except BaseException:
            await self._give_up(taken)
            raise
        return await self.settle(taken)

    async def settle(self, stale: Sequence[StaleClaim]) -> int:
        """Delete objects, or complete what their writers were about to do, and release the claims; return how many.

        If a working storage does not delete an object, that is logged, and the other objects are still settled.
        """
        left = list(stale)
        try:
            try:
                await self._settle(left)
                left.clear()
            except StorageDown:
                if len(left) < 2:
                    raise
                await self._storage.ready()
                await self._settle_one_by_one(left)
            return len(stale) - len(left)
        finally:
            await self._give_up(left)

    async def _give_up(self, stale: Sequence[StaleClaim]) -> None:
        await self._claims.give_up([one.claim for one in stale])

    async def _settle_one_by_one(self, left: list[StaleClaim]) -> None:
        """Remove the claims that can be settled from the list."""
        for one in tuple(left):
            try:
                await self._settle([one], again=True)
            except StorageDown as error:
                key = one.claim.storage_key
                logs.event(log, logging.WARNING, "object_stays", storage_key=key, error=error.message)
            else:
                left.remove(one)

    async def _settle(self, stale: Sequence[StaleClaim], *, again: bool = False) -> None:
        # If this process was frozen since it took an object over, it may have been taken for dead, and the key may be
        # in use again. So each claim is checked once more at the last moment.
        held = [one for one in stale if await self._stale.still_has(one)]
        unwanted = [one for one in held if not await self._is_wanted(one)]
        if unwanted:
            await self._storage.delete([_object(one) for one in unwanted])
            await self._doubts.note_writes([one.claim.storage_key for one in unwanted if not one.obsolete])
            await self._doubts.note_deletes([one.claim.storage_key for one in unwanted if one.tried or again])
        for one in stale:
            await self._claims.release(one.claim)

    async def _is_wanted(self, stale: StaleClaim) -> bool:
        """Say whether the storage must keep what lies under a claim's key."""
        intended = stale.claim.intended
        if stale.claim.keeps_bytes:
            return True
        if stale.obsolete or not isinstance(self._storage, ReplacesInPlace):
            return False
        if intended is None:
            return True  # The writer had sent nothing: the object there is not its own.
        if await self._entries.raw(intended.key) is None:
            return False
        with suppress(ObjectMissing, SignatureMismatch):
            await verify(self._storage, intended)
            await self._entries.complete(intended, stale.claim)
        return True


def _object(stale: StaleClaim) -> StoredObject:
    entry = stale.claim.intended
    return entry.stored if entry else StoredObject(stale.claim.storage_key)
