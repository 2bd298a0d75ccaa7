"""Whether the storage is the one that the catalog belongs to.

A lost folder, an empty disk that is mounted in its place, and a deleted bucket all look like a new storage. Every check
would pass, every file would be missing, and uploads would go to the wrong place. So a storage has a *mark* with an id,
and Redis has the same id. A storage with another mark, or one that has lost its mark, is shut: it refuses every verb,
and the service is not ready, until the storage is back or an operator confirms that it is right (`python -m
services.catalog adopt-storage`).

| mark | in Redis | what it is |
|---|---|---|
| X | X | right |
| X | none | Redis is new, or was restored: it takes the id over |
| none | none | a first start, or the first one after a version without marks: see below |
| none | X | lost |
| Y | X | another one |

At a first start the storage is marked. When the catalog has entries already, one of a sample must have its file first.
"""

import asyncio
import logging
import secrets
from contextlib import suppress

from redis.exceptions import RedisError

from services.core import spool
from services.core.errors import StorageDown, StorageLost
from services.core.observing import logs
from services.core.state import entry_json, keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.storage import Marked, Wrapped

log = logging.getLogger(__name__)

_SAMPLE = 16
"""Entries whose files are looked for before a storage without a mark is taken for theirs."""
_LOOK_SECONDS, _LOOK_SOON_SECONDS, _BEGIN_SECONDS = 30.0, 1.0, 2.0
ADOPT = "python -m services.catalog adopt-storage"
_MEND = (
    "Check the settings of the storage (folder, bucket, mount). If they are right, for example after files were lost, "
    f"run {ADOPT}."
)


class Belonging:
    """Compares the storage and the catalog of one process. The catalog service `makes` marks, the others only read
    them."""

    def __init__(self, client: Redis, storage: Wrapped, *, makes: bool = False) -> None:
        self._redis, self._storage, self._makes = client, storage, makes
        self._why: str | None = None

    async def check(self) -> None:
        """Shut the storage if it is not the right one, or else open it; raises StorageLost, StorageDown and
        RedisError."""
        storage = self._storage
        if not isinstance(storage, Marked):
            return
        known, found = await self._redis.get(keys.STORAGE), await storage.mark()
        why = problem(found, known.decode() if known else None)
        if why is None and self._makes:
            if found is None:
                why = await self._unproven()
                found = None if why else await storage.make_mark(secrets.token_hex(16))
            if found is not None:
                spool.prepare(storage.spool)
                await self._redis.set(keys.STORAGE, found, nx=True)
        self._say(why)
        storage.shut(why)
        if why is not None:
            raise StorageLost(why, None)

    async def begin(self) -> None:
        """Check once before the service takes requests. Without an answer, this takes two seconds at most."""
        with suppress(StorageDown, RedisError, TimeoutError):
            async with asyncio.timeout(_BEGIN_SECONDS):
                await self.check()

    async def keep(self) -> None:
        """Check regularly until cancelled; more often if the check failed or the storage is wrong."""
        while not is_cancelled():
            seconds = _LOOK_SECONDS
            try:
                await self.check()
            except (StorageDown, RedisError):
                seconds = _LOOK_SOON_SECONDS
            await asyncio.sleep(seconds)

    async def adopt(self) -> str:
        """Make the current storage the right one, with a mark if it has none; return its id."""
        assert isinstance(self._storage, Marked)
        found = await self._storage.mark() or await self._storage.make_mark(secrets.token_hex(16))
        spool.prepare(self._storage.spool)
        await self._redis.set(keys.STORAGE, found)
        return found

    async def _unproven(self) -> str | None:
        """Say why a storage without a mark cannot be that of the catalog; None if it can."""
        page = await Entries(self._redis).page(0, _SAMPLE)
        stored = [entry_json.read(raw).stored for raw in page.raws]
        if not stored or any([await self._storage.has(one) for one in stored]):
            return None
        return f"The catalog has entries, but the storage has none of the files that were checked. {_MEND}"

    def _say(self, why: str | None) -> None:
        if why != self._why and why is not None:
            logs.event(log, logging.ERROR, StorageLost.code, why=why)
        elif why != self._why:
            logs.event(log, logging.INFO, "storage_found")
        self._why = why


def problem(found: str | None, known: str | None) -> str | None:
    """Say what is wrong with a storage whose mark has the id `found` when the catalog belongs to `known`, or None."""
    if known is None or found == known:
        return None
    if found is None:
        return f"The storage has lost its mark: it is empty, not mounted, or the wrong one. {_MEND}"
    return f"The storage is not the one that the catalog belongs to. {_MEND}"
