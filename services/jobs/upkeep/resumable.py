"""Ends resumable uploads whose time is over, and removes parts that belong to none.

Such parts are of a process that was frozen while it stored one and was taken for dead, or of a Redis that was lost.
"""

import asyncio
import logging
import time

from redis.exceptions import RedisError

from services.core.assets.parts import PREFIX
from services.core.errors import StorageDown
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.state.resumable import ResumableUploads
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage
from services.jobs import metrics
from services.jobs.listed import keys_in_batches

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0
_SWEEP_EVERY = 60
"""Number of looks between two sweeps: half an hour."""
_BATCH = 100


async def keep_ending(uploads: ResumableUploads, storage: Storage, seconds: float = _LOOK_SECONDS) -> None:
    """End uploads and sweep regularly, until cancelled. Several workers may do so at the same time."""
    if isinstance(storage, ReplacesInPlace):
        return  # It has no uploads.
    looks = 0
    while not is_cancelled():
        # At the first start of all, the storage is not there yet.
        await asyncio.sleep(seconds)
        try:
            await end_due(uploads, time.time())
            if looks % _SWEEP_EVERY == 0 and (swept := await sweep(uploads, storage)):
                logs.event(log, logging.INFO, "parts_swept", count=swept)
            looks += 1
        except (RedisError, StorageDown, ObjectMissing) as error:
            logs.event(log, logging.WARNING, "uploads_not_ended", error=str(error))


async def end_due(uploads: ResumableUploads, now: float) -> int:
    """End the uploads that are due at `now` (seconds since the epoch); return how many.

    Raises StorageDown and RedisError. The others are ended later.
    """
    ended = 0
    while due := await uploads.due(now, _BATCH):
        for upload_id in due:
            await uploads.end(upload_id)
            logs.event(log, logging.INFO, "upload_ended", upload=upload_id)
        ended += len(due)
        metrics.RESUMABLE_ENDED.inc(len(due))
    return ended


async def sweep(uploads: ResumableUploads, storage: Storage) -> int:
    """Remove parts that belong to no upload; return how many. Raises StorageDown, ObjectMissing and RedisError."""
    removed = 0
    async for batch in keys_in_batches(storage, PREFIX, _BATCH):
        # A part is announced before it is stored. So one that is listed and not known belongs to nobody.
        known = await uploads.are_known(batch)
        loose = [key for key, is_known in zip(batch, known, strict=True) if not is_known]
        await uploads.remove(loose)
        removed += len(loose)
    return removed
