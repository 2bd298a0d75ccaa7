"""Deletes stored bytes that a change has left behind, before the answer: then a deleted file is really gone.

If that fails, the jobs worker tries it again: it finds the claims.
"""

import asyncio
import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from services.core.errors import TadaError
from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit
from services.core.state.reaper import Reaper
from services.core.state.stale_claims import Leftover

log = logging.getLogger(__name__)

_TIDY_SECONDS = 1


class Leftovers:
    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper
        self._tasks: set[asyncio.Task[None]] = set()

    async def clear(self, commits: Sequence[Commit], seconds: float) -> None:
        """Delete what some writes have left behind. If that takes longer than `seconds`, it continues after the
        answer."""
        left = [one for commit in commits for one in commit.leftovers]
        if not left:
            return
        task = asyncio.create_task(self._clear(left))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task], timeout=seconds)

    async def close(self) -> None:
        """End what is still being deleted. The jobs worker finds its claims and goes on."""
        await cancellation.end(self._tasks)

    async def _clear(self, left: Sequence[Leftover]) -> None:
        try:
            await self._reaper.settle_leftovers(left)
        except (RedisError, TadaError) as error:
            logs.event(log, logging.WARNING, "leftovers_delayed", error=str(error), count=len(left))


async def keep_tidy(claims: Claims) -> None:
    """Regularly remove claims of this process on which it does not work, also after Redis did not answer."""
    while not cancellation.is_cancelled():
        try:
            await claims.tidy()
        except RedisError as error:
            logs.event(log, logging.WARNING, "claims_untidy", error=str(error))
        await asyncio.sleep(_TIDY_SECONDS)
