"""The job *reap*: what killed uploads and changes have left in the storage is deleted, or completed."""

from services.core.state.catalog import Catalog, StaleClaim
from services.core.state.reaping import settle
from services.core.storage import Storage

_BATCH = 100


async def reap(catalog: Catalog, storage: Storage) -> int:
    """Settle every stale claim; return how many there were. Raises StorageDown; the rest is for the next run then."""
    settled = 0
    batch: list[StaleClaim] = []
    async for stale in catalog.reapable():
        batch.append(stale)
        if len(batch) == _BATCH:
            settled += await settle(catalog, storage, batch)
            batch = []
    return settled + await settle(catalog, storage, batch)
