"""A consumer of a stream that several processes share: each message is worked on by one of them, until it is done.

A message stays in the stream, pending, until the work on it has ended. If a consumer dies, or cannot do the work now,
the message is delayed but not lost: another consumer takes it over.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import RedisError, ResponseError

from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import BLOCK, Redis

log = logging.getLogger(__name__)

LOST_SECONDS = 8.0
"""Without a sign of life for so long, a consumer has lost its message."""
_RENEW_SECONDS = 2.0
_AGAIN_SECONDS = 0.5
"""Pause after Redis could not be reached."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `deliveries` counts the consumers that have had it: all but the last one died of it.

    Those that were stopped while they worked on it are not counted.
    """

    id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1


class Later(Exception):
    """The work on a message cannot be done now. Any consumer does it later; this one pauses for `rest_seconds`."""

    def __init__(self, rest_seconds: float) -> None:
        super().__init__(f"rests for {rest_seconds:g} s")
        self.rest_seconds = rest_seconds


class Handler(Protocol):
    """The work on messages. If a RedisError interrupts it, it is done again."""

    async def first(self) -> None:
        """Called once, when nobody has ever consumed this stream."""

    async def ready(self) -> None:
        """Return when there is time for a message. A message that is taken is worked on at once."""

    async def work(self, message: Message) -> None:
        """Work on a message; raises Later. It is done when this returns."""


class Consumer:
    """The consumer `name` of a group. It works on one message after the other."""

    def __init__(self, client: Redis, stream: str, group: str, name: str, handler: Handler) -> None:
        self._redis, self._stream, self._group, self._name = client, stream, group, name
        self._handler = handler
        self._was_left = False
        """Whether it has taken its last message over."""
        self._next = "-"
        """Where it looks for others to take over."""

    async def run(self) -> None:
        """Work until cancelled. If Redis goes away, the work continues when it is back.

        A cancellation ends it even if redis-py swallows that. Another consumer gets its message then.
        """
        while not is_cancelled():
            try:
                await self._consume()
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
                if not is_cancelled():
                    await asyncio.sleep(_AGAIN_SECONDS)

    async def _consume(self) -> None:
        if await self._make_group():
            await self._handler.first()
        while not is_cancelled():
            await self._handler.ready()
            message = await self._take_next()
            if message and not is_cancelled():
                await self._work(message)

    async def _make_group(self) -> bool:
        """Create the group and say whether it is new. It begins with all messages of the stream."""
        try:
            await self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            return False
        return True

    async def _take_next(self) -> Message | None:
        """Return a message that was left, and a new one, by turns: what is delayed again and again holds up nothing."""
        if self._was_left and (message := await self._take()):
            return message
        return await self._take_over() or await self._take(block=int(BLOCK * 1000))

    async def _take_over(self) -> Message | None:
        """Return a message that a dead consumer has left, or that a consumer has delayed: the next one of them all."""
        idle = int(LOST_SECONDS * 1000)
        for start in dict.fromkeys((self._next, "-")):
            # XAUTOCLAIM looks only at the first few messages, which may be those that are delayed.
            found = await self._redis.xpending_range(self._stream, self._group, min=start, max="+", count=1, idle=idle)
            if found:
                break
        else:
            self._next, self._was_left = "-", False
            return None
        number = found[0]["message_id"]
        left = await self._redis.xclaim(self._stream, self._group, self._name, idle, [number])
        self._next, self._was_left = f"({number.decode()}", True
        return Message(number.decode(), left[0][1], found[0]["times_delivered"] + 1) if left else None

    async def _take(self, block: int | None = None) -> Message | None:
        """Return a new message; wait for it for `block` milliseconds, or not at all."""
        self._was_left = False
        found = await self._redis.xreadgroup(self._group, self._name, {self._stream: ">"}, count=1, block=block)
        if not found:
            return None
        [(_, [(number, fields)])] = found
        return Message(number.decode(), fields)

    async def _work(self, message: Message) -> None:
        kept = asyncio.create_task(self._keep(message))
        try:
            await self._handler.work(message)
        except Later as later:
            await self._claim(message, retrycount=0)
            await asyncio.sleep(later.rest_seconds)
        except asyncio.CancelledError:
            if is_cancelled():  # It is to stop.
                with suppress(RedisError):
                    await self._claim(message, retrycount=message.deliveries - 1)
            raise
        else:
            await self._finish(message)
        finally:
            kept.cancel()

    async def _keep(self, message: Message) -> None:
        """Give regular signs that this consumer lives and has the message."""
        while not is_cancelled():
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(RedisError):
                await self._claim(message, justid=True)

    async def _claim(self, message: Message, **how: Any) -> None:
        await self._redis.xclaim(self._stream, self._group, self._name, 0, [message.id], **how)

    async def _finish(self, message: Message) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xack(self._stream, self._group, message.id)
            pipeline.xdel(self._stream, message.id)
            await pipeline.execute()
