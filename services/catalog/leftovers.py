"""Stored bytes that a change has left behind: deleted before the answer, so that what is gone is gone.

When that fails or takes too long nothing is lost: the catalog has noted them, and the jobs worker deletes them.
"""

import asyncio
import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from services.core import logs
from services.core.catalog import Catalog, Change
from services.core.errors import TadaError
from services.core.reaping import settle
from services.core.storage import Storage

log = logging.getLogger(__name__)


class Leftovers:
    def __init__(self, catalog: Catalog, storage: Storage) -> None:
        self._catalog, self._storage = catalog, storage
        self._tasks: set[asyncio.Task[None]] = set()

    async def clear(self, changes: Sequence[Change], seconds: float) -> None:
        """Delete what some changes have left behind; after `seconds` it goes on behind the answer."""
        left = [change for change in changes if change.left]
        if not left:
            return
        task = asyncio.create_task(self._clear(left))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task], timeout=seconds)

    async def _clear(self, left: Sequence[Change]) -> None:
        try:
            stale = [await self._catalog.take_obsolete(change.left, change.uuid) for change in left]
            await settle(self._catalog, self._storage, [one for one in stale if one])
        except (RedisError, TadaError) as error:
            logs.event(log, logging.WARNING, "leftovers_delayed", error=str(error))
