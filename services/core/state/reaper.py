"""What becomes of stored objects whose writer died or gave up, and of those that a change has left behind."""

from collections.abc import Sequence
from contextlib import suppress

from services.core.errors import SignatureMismatch
from services.core.state.claims import Claims, StaleClaim
from services.core.state.entries import Entries
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage, StoredObject
from services.core.storage.verification import verify


class Reaper:
    def __init__(self, claims: Claims, entries: Entries, storage: Storage) -> None:
        self._claims, self._entries, self._storage = claims, entries, storage

    async def settle(self, stale: Sequence[StaleClaim]) -> int:
        """Delete objects, or complete what their writers were about to do, and give up the claims; return how many.

        A process that was frozen since it took an object over may have been taken for dead, and the key be in use
        again: so each claim is looked up once more at the last moment. Raises StorageDown and RedisError, and does
        nothing wrong then.
        """
        held = [one for one in stale if await self._claims.still_has(one)]
        unwanted = [one for one in held if not await self._is_wanted(one)]
        if unwanted:
            await self._storage.delete([_object(one) for one in unwanted])
            await self._claims.doubt([one.claim.storage_key for one in unwanted if not one.obsolete])
        for one in held:
            await self._claims.release(one.claim)
        return len(held)

    async def _is_wanted(self, stale: StaleClaim) -> bool:
        """Say whether the storage must keep what lies under a claim's key."""
        intended = stale.claim.intended
        if stale.obsolete or not isinstance(self._storage, ReplacesInPlace):
            return False
        if intended is None:
            return True  # The writer had sent nothing: what lies there is not its own.
        if await self._entries.raw(intended.uuid) is None:
            return False
        with suppress(ObjectMissing, SignatureMismatch):
            await verify(self._storage, intended)
            await self._entries.complete(intended, stale.claim)
        return True


def _object(stale: StaleClaim) -> StoredObject:
    entry = stale.claim.intended
    return entry.stored if entry else StoredObject(stale.claim.storage_key)
