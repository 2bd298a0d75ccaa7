"""Removes what a failed write has stored, usually before the answer: then nothing is left of it."""

import asyncio
import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from services.core.errors import TadaError
from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.claim import Claim
from services.core.state.reaper import Reaper

log = logging.getLogger(__name__)

_TELL_SECONDS = 0.5
"""How long the answer to a failed write waits until its bytes are removed."""


class Discarding:
    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper
        self._tasks: set[asyncio.Task[None]] = set()

    async def discard(self, claims: Sequence[Claim]) -> None:
        """Settle the claims of writes that have failed. If Redis or the storage is down, it continues after the
        answer."""
        if not claims:
            return
        tasks = {asyncio.create_task(self._discard(claim)) for claim in claims}
        self._tasks |= tasks
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        await asyncio.wait(tasks, timeout=_TELL_SECONDS)

    async def close(self) -> None:
        """End what is still being discarded. The jobs worker finds its claims and goes on."""
        await cancellation.end(self._tasks)

    async def _discard(self, claim: Claim) -> None:
        """Settle the claim of a failed write, unless the write went through after all.

        If that fails, the jobs worker does it: it finds the claim.
        """
        try:
            await self._reaper.discard(claim)
        except (RedisError, TadaError) as error:
            logs.event(log, logging.WARNING, "discard_delayed", error=str(error), storage_key=claim.storage_key)
