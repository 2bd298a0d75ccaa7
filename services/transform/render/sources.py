"""The stored bytes of what is rendered: where possible they are read in the thread that renders, else before that."""

from collections.abc import Callable

from services.core.assets.entries import Entry
from services.core.state.rate_limits import StorageGuard
from services.core.storage import Storage
from services.core.storage.base import reads_in_thread
from services.core.storage.verification import verified
from services.transform.render.plan import Plan, tag
from services.transform.render.pool import Place

AHEAD_MAX = 8
"""Files that are read before the turn of their render, so that no thread waits for a distant storage. They are in
memory. Only cheap renders have this, because dear ones would keep others from it for long."""


class Sources:
    """Reads the sources of renders, within the limit of reads for each form."""

    def __init__(self, storage: Storage, reads: StorageGuard) -> None:
        self._storage, self._reads = storage, reads
        self._in_thread = storage.read_in_thread if reads_in_thread(storage) else None
        self._ahead: set[Place] = set()

    async def ahead(self, entry: Entry, plan: Plan, place: Place) -> bytes | None:
        """Return the bytes for a render that waits for its turn; None if they are to be read when it comes."""
        if self._in_thread or place.turn.done() or not place.is_cheap or len(self._ahead) >= AHEAD_MAX:
            return None
        self._ahead.add(place)
        place.turn.add_done_callback(lambda _: self._ahead.discard(place))
        return await self._read(entry, plan)

    async def reader(self, entry: Entry, plan: Plan, content: bytes | None) -> Callable[[], bytes]:
        """Return what gives the verified bytes, in a thread: each change of threads costs as much as a read."""
        if content is None and self._in_thread:
            read = self._in_thread
            await self._reads.pass_one(entry.uuid, tag(plan))
            return lambda: verified(entry, read(entry.stored))
        found = await self._read(entry, plan) if content is None else content
        return lambda: verified(entry, found)

    async def _read(self, entry: Entry, plan: Plan) -> bytes:
        await self._reads.pass_one(entry.uuid, tag(plan))
        return await self._storage.read(entry.stored)
