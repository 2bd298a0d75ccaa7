"""The public addresses that the pages of the catalog in the caches have, and what else these pages depend on.

They are made from the settings (see `assets/addresses`), and the caches keep pages for a month. So the first process
that starts with other settings makes everything in the caches stale. During a change of the settings, processes with
the old ones may still answer for a moment: each compares its addresses with those that are noted, and no cache may keep
an answer with others.
"""

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import changes, keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.script import Script

log = logging.getLogger(__name__)

_CHANGED, _DIFFER = 1, 2
_ADVICE = (
    "Another catalog service has started with other public addresses, or shows the public something else. No cache "
    "keeps the pages of the catalog that this one answers. If it lasts, restart the catalog services with the same "
    "PUBLIC_URL, API_PREFIX, ROUTE_FILE_GET, PUBLIC_CATALOG, PUBLIC_CATALOG_FIELDS and NAMESPACES_ALLOWED."
)
_BEGIN_SECONDS, _LOOK_SECONDS, _LOOK_SOON_SECONDS = 2.0, 30.0, 1.0


class NotedAddresses:
    """Notes the addresses of one process in Redis. `shown_as` begins with them; what follows has no spaces."""

    def __init__(self, client: Redis, shown_as: str) -> None:
        self._shown_as = shown_as
        self._note = Script(
            client,
            "addresses",
            addresses=keys.ADDRESSES,
            revision=keys.REVISION,
            changes=keys.CHANGES,
            kept=changes.KEPT,
        )
        self._is_noted = self._differ = False

    async def note(self) -> None:
        """Replace the addresses of other settings, the first time; later note them only if Redis has lost them.

        Log it once if another process has replaced them since. Raises RedisError.
        """
        outcome = await self._note(assets_url=self._shown_as, replaces=int(not self._is_noted))
        if outcome == _CHANGED:
            logs.event(log, logging.WARNING, "addresses_changed", assets_url=self._shown_as)
        if outcome == _DIFFER and not self._differ:
            logs.event(log, logging.WARNING, "addresses_differ", assets_url=self._shown_as, advice=_ADVICE)
        self._is_noted, self._differ = True, outcome == _DIFFER

    async def begin(self) -> None:
        """Note them before the service takes requests. If Redis does not answer, this takes two seconds at most."""
        with suppress(RedisError, TimeoutError):
            async with asyncio.timeout(_BEGIN_SECONDS):
                await self.note()

    async def keep(self) -> None:
        """Look regularly whether they are noted, until cancelled."""
        while not is_cancelled():
            await asyncio.sleep(_LOOK_SECONDS if self._is_noted else _LOOK_SOON_SECONDS)
            with suppress(RedisError):
                await self.note()
