"""Deleting stored objects that nothing refers to."""

from services.core.catalog import Catalog, StaleObject
from services.core.storage import Storage


async def delete_stale(catalog: Catalog, storage: Storage, stale: StaleObject) -> None:
    """Delete an object that this process has taken over, and give up the claim on it.

    A process that was frozen since it took the object over may have been taken for dead, and the key be in use again:
    so the claim is looked up once more at the last moment.
    """
    if await catalog.still_has(stale):
        await storage.delete(stale.storage_key)
        await catalog.release(stale)
