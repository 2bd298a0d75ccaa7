"""The objects of a storage, in batches."""

from collections.abc import AsyncIterator

from services.core.storage import Storage


async def keys_in_batches(storage: Storage, prefix: str, count: int) -> AsyncIterator[list[str]]:
    """Yield the storage keys that begin with a prefix, up to `count` at a time; raises StorageDown and
    ObjectMissing."""
    batch: list[str] = []
    async for listed in storage.list(prefix):
        batch.append(listed.key)
        if len(batch) == count:
            yield batch
            batch = []
    if batch:
        yield batch
