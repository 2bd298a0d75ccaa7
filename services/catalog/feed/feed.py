"""One reader of the log for all who follow it in this process.

The reader works while somebody listens. It holds the last events, each with its frame, and wakes the listeners. A
listener that is further behind reads the log itself, so nothing is buffered for it. What counts is its *position*: the
number of the last change that it has looked at. A position is valid within one *run* of the reader. A run ends when
Redis has lost changes: then each listener has its position checked against the log.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError

from services.catalog import metrics
from services.catalog.feed import frames
from services.core.assets.events import Event
from services.core.errors import Unavailable
from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.changes import ChangeLog
from services.core.state.connection import BLOCK
from services.core.state.progress import NOWHERE, Reached

log = logging.getLogger(__name__)

LISTENERS_MAX = 200
"""Of one process. Each has a connection, and is sent every event that it wants."""
AT_ONCE = 500
"""Changes that are read at a time."""
_HELD = 2000
_BEHIND_AT_ONCE = 4
"""Listeners that read the log themselves at the same time: after a restart they all come at once."""
_AGAIN_SECONDS = 0.5


@dataclass(slots=True)
class Held:
    """An event as the listeners are sent it."""

    event: Event
    _frame: bytes = b""

    @property
    def frame(self) -> bytes:
        """It is the same for all of them, and made for the first one."""
        self._frame = self._frame or frames.change(self.event)
        return self._frame


@dataclass(frozen=True, slots=True)
class Found:
    """What comes after a position, and the position after it. `run` is that in which this position is valid.

    If `is_gapless` is False, there may be events before these that nobody can tell any more. `is_last` says that there
    were no later ones.
    """

    held: Sequence[Held]
    position: int
    run: int
    is_gapless: bool = True
    is_last: bool = True


class Feed:
    def __init__(self, changes: ChangeLog) -> None:
        self._log = changes
        self._held: list[Held] = []
        self._start = self._newest = -1
        """All events after `_start` up to `_newest` are held; -1 while the reader does not know where it is."""
        self._run = 0
        self._reader: asyncio.Task[None] | None = None
        self._listeners = 0
        self._behind = asyncio.Semaphore(_BEHIND_AT_ONCE)
        self._news = asyncio.Event()
        self.reached = NOWHERE
        """How far the caches are."""
        self.is_closed = False

    def take(self, reached: Reached) -> None:
        """Note how far the caches are, and wake the listeners."""
        if reached != self.reached:
            self.reached = reached
            self._wake()

    def close(self) -> None:
        """Have all listeners end, and take no others. They continue at another process."""
        self.is_closed = True
        self._wake()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Count as a listener while the context is open; raises Unavailable if there are too many."""
        if self.is_closed or self._listeners >= LISTENERS_MAX:
            raise Unavailable("Too many programs follow the catalog here.", "Try again in a moment, or ask for JSON.")
        self._listeners += 1
        metrics.LISTENERS.set(self._listeners)
        if self._reader is None:
            self._reader = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._listeners -= 1
            metrics.LISTENERS.set(self._listeners)
            if self._listeners == 0:
                reader, self._reader = self._reader, None
                self._forget()
                await cancellation.end([reader])

    async def latest(self) -> Found:
        """Return the position of the last change, 0 without any; raises RedisError."""
        run = self._run
        latest = await self._log.latest()
        return Found((), latest.number if latest else 0, run)

    async def after(self, position: int, run: int = -1, count: int = AT_ONCE) -> Found:
        """Return the next events after a position, as far as there are any in `count` changes; raises RedisError.

        `run` is that of a position that was found here.
        """
        if run == self._run and self._start <= position <= self._newest:
            at = bisect_right(self._held, position, key=_number)
            held = self._held[at : at + count]
            is_last = len(held) < count
            return Found(held, self._newest if is_last else held[-1].event.number, run, is_last=is_last)
        async with self._behind:
            run = self._run
            news = await self._log.news(position, count)
        return Found([Held(event) for event in news.events], news.position, run, news.is_gapless, news.is_last)

    async def wait(self, found: Found, reached: Reached, seconds: float) -> None:
        """Wait up to `seconds` until there may be changes after a position, or it has to be checked, until the caches
        are elsewhere than `reached`, or until the feed is closed."""
        try:
            async with asyncio.timeout(seconds):
                while not self.is_closed and self._is_last(found) and self.reached == reached:
                    await self._news.wait()
        except TimeoutError:
            return

    def _is_last(self, found: Found) -> bool:
        return self._newest <= found.position and self._run == found.run

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _follow(self) -> None:
        while not cancellation.is_cancelled():
            try:
                await self._read()
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self) -> None:
        if self._newest < 0:
            self._start = self._newest = (await self.latest()).position
            self._wake()
        news = await self._log.news(self._newest, AT_ONCE)
        if not news.is_gapless:
            logs.event(log, logging.WARNING, "feed_interrupted", position=self._newest)
            self._forget()
            return
        if news.position == self._newest:
            await self._log.wait_after(self._newest, BLOCK)
            return
        self._held += [Held(event) for event in news.events]
        if (excess := len(self._held) - _HELD) > 0:
            self._start = self._held[excess - 1].event.number
            del self._held[:excess]
        self._newest = news.position
        self._wake()

    def _forget(self) -> None:
        self._held.clear()
        self._start = self._newest = -1
        self._run += 1
        self._wake()


def _number(held: Held) -> int:
    return held.event.number
