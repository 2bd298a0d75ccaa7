"""Earlier versions and the trash in dumps: what the RDB of one knows of retired objects is put back by a restore."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice

from services.core.assets.retired import Retired
from services.core.state import keys, retired
from services.core.state.connection import Redis
from services.core.state.retired import STEP, Again, RetiredObjects
from services.core.storage import ObjectMissing, Storage

_LOOKS = 8
"""Objects that are looked up in the storage at the same time."""

Records = Mapping[str, bytes]
"""What is known of retired objects, by their storage keys."""


class Trash:
    """Retires again what a dump knows of, in small steps around the switch to its catalog.

    Before the switch it retires what nobody has: if the switch fails, or the process dies, this does no harm.
    Afterwards it settles what the catalog before had, and what the new one has. All methods raise StorageDown and
    RedisError.
    """

    def __init__(self, objects: RetiredObjects, storage: Storage) -> None:
        self._objects, self._storage = objects, storage
        self._count: int | None = None
        self._later: dict[str, bytes] = {}

    async def before_switch(self, copied: Redis) -> None:
        """Begin with the records in the copy of Redis that the dump has."""
        self._count = 0
        async for page in _records_in(copied):
            records = await self._there(page)
            outcomes = await self._objects.retire_again(records, replace=False)
            self._count += outcomes.count(Again.RETIRED)
            pairs = zip(records.items(), outcomes, strict=True)
            self._later |= {key: raw for (key, raw), now in pairs if now in (Again.ENTRY, Again.RECORD)}

    async def after_switch(self) -> int | None:
        """Return how many objects of the dump are retired again; None if its records could not be read."""
        await self._objects.take_back_all()
        for batch in _batches(self._later):
            outcomes = await self._objects.retire_again(batch, replace=True)
            self._count = (self._count or 0) + outcomes.count(Again.RETIRED)
        return self._count

    async def _there(self, page: Mapping[str, tuple[bytes, Retired]]) -> Records:
        """Return those records whose objects the storage has, in the size that they must have."""
        limit = asyncio.Semaphore(_LOOKS)

        async def is_there(one: Retired) -> bool:
            async with limit:
                try:
                    return await self._storage.size(one.entry.stored) == one.entry.size
                except ObjectMissing:
                    return False

        found = await asyncio.gather(*(is_there(one) for _, one in page.values()))
        return {key: raw for (key, (raw, _)), there in zip(page.items(), found, strict=True) if there}


async def _records_in(copied: Redis) -> AsyncIterator[dict[str, tuple[bytes, Retired]]]:
    """Yield all records by their storage keys. What cannot be understood is left out."""
    cursor = 0
    while True:
        cursor, page = await copied.hscan(keys.RETIRED, cursor, count=STEP)
        checked = {key.decode(errors="replace"): (raw, retired.understood(key, raw)) for key, raw in page.items()}
        yield {key: (raw, found) for key, (raw, found) in checked.items() if found}
        if not cursor:
            return


def _batches(records: Records) -> Iterator[dict[str, bytes]]:
    rest = iter(records.items())
    while batch := dict(islice(rest, STEP)):
        yield batch
