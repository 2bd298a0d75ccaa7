"""Asks for the job *reduce* when reductions are wanted in another way than before, at the start of a worker.

That is after an upgrade from a version without them, and when REDUCTION_SIDE has changed.
"""

import asyncio
import logging

from redis.exceptions import RedisError

from services.core.assets import reductions
from services.core.jobs.queue import JobQueue
from services.core.observing import logs
from services.core.state import keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.entries import Entries

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0


async def ask_for_reductions(client: Redis, queue: JobQueue, side: int) -> None:
    """Ask for the job if it is needed, and return. It begins again when Redis fails."""
    while not is_cancelled():
        try:
            await _ask(client, queue, side)
            return
        except RedisError as error:
            logs.event(log, logging.WARNING, "reduce_delayed", error=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)


async def _ask(client: Redis, queue: JobQueue, side: int) -> None:
    wanted = f"{side} {reductions.REVISION}".encode()
    before: bytes | None = await client.get(keys.REDUCED)
    if before == wanted:
        return
    # What there is none of yet, and is not wanted, is not removed.
    if (before or side) and await Entries(client).count():
        await queue.put("reduce", {}, "setting")
    await client.set(keys.REDUCED, wanted)
