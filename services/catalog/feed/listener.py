"""One client that follows the feed: what it is sent, and when."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

from redis.exceptions import RedisError

from services.catalog import metrics
from services.catalog.feed import frames
from services.catalog.feed.feed import Feed, Found
from services.catalog.feed.frames import Reason
from services.catalog.feed.wanted import Wanted
from services.core.observing import logs
from services.core.state.progress import NOWHERE, Reached

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Changes of which a client is sent the events together: 100 kB. Many that are behind and slow each hold so much."""
HEARTBEAT_SECONDS = 5.0
"""nginx waits for a minute for an answer to go on. If it is told to end, the next sign of life ends the stream."""
LIFETIME_SECONDS = 900.0
"""After that the client connects again, and continues, maybe at a process that was added since."""
_AGAIN_SECONDS = 1.0
"""Pause while Redis does not answer."""


class Listener:
    """Follows the feed after a position; None if the client has not said what it has seen."""

    def __init__(self, feed: Feed, wanted: Wanted, after: int | None) -> None:
        self._feed, self._wanted, self._after = feed, wanted, after
        self._found = Found((), -1, -1)
        self._named = -1
        self._event = -1 if after is None else after
        """The last event that the client has been sent. `_named` is where it would continue."""
        self._told = NOWHERE
        """How far the caches are, as the client knows."""
        self._sent_at = time.monotonic()

    async def first(self) -> bytes:
        """Return what the client is sent first; raises RedisError."""
        if self._after is None:
            self._found = await self._feed.latest()
            return frames.HELLO + self._reset(Reason.START)
        return frames.HELLO + await self._next(self._after, -1)

    async def following(self) -> AsyncGenerator[bytes]:
        """Yield what the client is sent then. It ends when the client has to connect again."""
        until = time.monotonic() + LIFETIME_SECONDS
        while not self._feed.is_closed and (left := until - time.monotonic()) > 0:
            reached = self._feed.reached
            try:
                said = await self._next(self._found.position, self._found.run)
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
                yield frames.HEARTBEAT
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            rest = self._sent_at + HEARTBEAT_SECONDS - time.monotonic()
            if said := (said + self._purged(reached)) or (self._heartbeat() if rest <= 0 else b""):
                self._sent_at = time.monotonic()
                yield said
            else:
                await self._feed.wait(self._found, reached, min(rest, left))

    async def _next(self, position: int, run: int) -> bytes:
        found = await self._feed.after(position, run, AT_ONCE)
        if not found.is_gapless:
            if position:
                self._found = await self._feed.latest()
                return self._reset(Reason.GAP)
            # It wants all that there is: from the first one in the log on.
            metrics.RESETS.labels(Reason.GAP.value).inc()
            said = frames.reset(Reason.GAP, None)
        else:
            said = b""
        self._found = replace(found, held=())
        taken = [held for held in found.held if self._wanted.takes(held.event)]
        if taken:
            self._named = self._event = taken[-1].event.number
            metrics.EVENTS_SENT.inc(len(taken))
        return said + b"".join(held.frame for held in taken)

    def _reset(self, reason: Reason) -> bytes:
        self._named = self._event = self._found.position
        metrics.RESETS.labels(reason.value).inc()
        return frames.reset(reason, self._found.position)

    def _purged(self, reached: Reached) -> bytes:
        """Return what says how far the caches are, if the client waits for that and does not know it."""
        at = self._found.position
        reached = Reached(0, min(at, reached.everywhere), min(at, reached.reachable))
        if self._told.everywhere >= self._event or reached == self._told:
            return b""
        self._told, self._named = reached, at
        return frames.purged(reached, at)

    def _heartbeat(self) -> bytes:
        if self._named == self._found.position:
            return frames.HEARTBEAT
        self._named = self._found.position
        return frames.seen(self._named)
