"""Stored bytes that a change has left behind: deleted before the answer, so that what is gone is gone.

What fails is tried again behind the answer. When this process dies, the jobs worker deletes them: the catalog has noted
who was about to do it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import chain, repeat

from redis.exceptions import RedisError

from services.core.errors import TadaError
from services.core.observing import logs
from services.core.state.claims import Claims, Leftover, StaleClaim
from services.core.state.compare_and_set import Commit
from services.core.state.reaper import Reaper

log = logging.getLogger(__name__)

_RETRY_SECONDS = (1, 2, 5, 15, 30)


async def until_done(step: Callable[[], Awaitable[None]], event: str, **said: object) -> None:
    """Carry out a step until neither Redis nor the storage fails it; each failure is a line in the log."""
    for pause in chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1])):
        try:
            await step()
            return
        except (RedisError, TadaError) as error:
            logs.event(log, logging.WARNING, event, error=str(error), **said)  # type: ignore[arg-type]
            await asyncio.sleep(pause)


class Leftovers:
    def __init__(self, claims: Claims, reaper: Reaper) -> None:
        self._claims, self._reaper = claims, reaper
        self._tasks: set[asyncio.Task[None]] = set()

    async def clear(self, commits: Sequence[Commit], seconds: float) -> None:
        """Delete what some writes have left behind.

        When that fails, or takes longer than `seconds`, it goes on behind the answer.
        """
        left = [commit.leftover for commit in commits if commit.leftover]
        if not left:
            return
        tried = asyncio.Event()
        task = asyncio.create_task(self._clear(left, tried))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await tried.wait()

    async def _clear(self, left: Sequence[Leftover], tried: asyncio.Event) -> None:
        # From here on they are this process' to delete, and no other's.
        taken: dict[Leftover, StaleClaim] = {}

        async def step() -> None:
            try:
                for leftover in left:
                    if leftover not in taken and (stale := await self._claims.take_leftover(leftover)):
                        taken[leftover] = stale
                await self._reaper.settle(list(taken.values()))
            finally:
                tried.set()

        await until_done(step, "leftovers_delayed")
