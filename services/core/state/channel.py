"""A channel of Redis: only processes that listen at that moment get a message, and Redis writes nothing to its disk."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

_TURN_SECONDS = 1.0
_AGAIN_SECONDS = 0.5


@asynccontextmanager
async def heard(client: Redis, channel: str, take: Callable[[bytes], None]) -> AsyncIterator[None]:
    """Call `take` with every message while the context is open.

    One connection serves all that wait in a process. If Redis goes away, listening continues when it is back.
    """
    listening = asyncio.create_task(_listen(client, channel, take))
    try:
        yield
    finally:
        await cancellation.end([listening])


async def _listen(client: Redis, channel: str, take: Callable[[bytes], None]) -> None:
    while not cancellation.is_cancelled():
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(channel)
                while True:
                    message = await subscription.get_message(timeout=_TURN_SECONDS)
                    if message:
                        take(message["data"])
        except RedisError as error:
            logs.event(log, logging.WARNING, "redis_down", error=str(error))
        await asyncio.sleep(_AGAIN_SECONDS)
