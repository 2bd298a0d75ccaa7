"""The job *reap*: what killed uploads and changes have left in the storage is deleted, or completed."""

from services.core.state.claims import Claims, StaleClaim
from services.core.state.reaper import Reaper

_BATCH = 100


async def reap(claims: Claims, reaper: Reaper) -> int:
    """Settle every stale claim; return how many there were. Raises StorageDown; the rest is for the next run then."""
    settled = 0
    batch: list[StaleClaim] = []
    async for stale in claims.take_stale():
        batch.append(stale)
        if len(batch) == _BATCH:
            settled += await reaper.settle(batch)
            batch = []
    return settled + await reaper.settle(batch)
