"""The job *reap*: stored objects that a killed upload or a change has left behind are deleted."""

from services.core.catalog import Catalog
from services.core.reaping import delete_stale
from services.core.storage import Storage


async def reap(catalog: Catalog, storage: Storage) -> int:
    """Delete every stored object whose claim is stale; return how many there were."""
    deleted = 0
    async for stale in catalog.reapable():
        await delete_stale(catalog, storage, stale)
        deleted += 1
    return deleted
