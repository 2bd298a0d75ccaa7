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
from services.core.state.catalog import Catalog, Change, StaleClaim
from services.core.state.reaping import settle
from services.core.storage import Storage

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
    def __init__(self, catalog: Catalog, storage: Storage) -> None:
        self._catalog, self._storage = catalog, storage
        self._tasks: set[asyncio.Task[None]] = set()

    async def clear(self, changes: Sequence[Change], seconds: float) -> None:
        """Delete what some changes have left behind.

        When that fails, or takes longer than `seconds`, it goes on behind the answer.
        """
        left = [change for change in changes if change.left]
        if not left:
            return
        tried = asyncio.Event()
        task = asyncio.create_task(self._clear(left, tried))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await tried.wait()

    async def _clear(self, left: Sequence[Change], tried: asyncio.Event) -> None:
        # From here on they are this process' to delete, and no other's.
        taken: dict[str, StaleClaim] = {}

        async def step() -> None:
            try:
                for change in left:
                    if change.left not in taken:
                        stale = await self._catalog.take_obsolete(change.left, change.uuid)
                        if stale:
                            taken[change.left] = stale
                await settle(self._catalog, self._storage, list(taken.values()))
            finally:
                tried.set()

        await until_done(step, "leftovers_delayed")
