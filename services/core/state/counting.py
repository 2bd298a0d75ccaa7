"""Makes the counts of `usage`, and compares them with what there is.

They are made once, in small steps, when Redis has none: at the first start, and after an upgrade from a version without
them. Writes go on meanwhile. Entries are counted in the order of their creation numbers, so a script knows whether an
entry has been counted when it changes it. For retired objects, a set tells that. Any number of processes may make these
steps at the same time. After an upgrade, everything is counted once more an hour later: until then, processes of the
version before may have written without counting.
"""

import asyncio
import logging
import time
from collections import defaultdict

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import commands, entry_json, keys, retired, usage
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.script import Script
from services.core.state.usage import Used

log = logging.getLogger(__name__)

STEP = 200
"""Entries that are counted in one step: 2 to 4 ms of Redis' time."""
_AGAIN_SECONDS = 3600
_LOOK_SECONDS = 60.0
_TRIES = 3


class Counting:
    """All methods but `keep` raise RedisError."""

    def __init__(self, client: Redis, step: int = STEP) -> None:
        self._redis = client
        self._count = Script(
            client,
            "count_usage",
            entries=keys.ENTRIES,
            order=keys.ORDER,
            retired=keys.RETIRED,
            usage=keys.USAGE,
            counted=keys.USAGE_COUNTED,
            count=step,
        )

    async def keep(self) -> None:
        """Make the counts whenever they are missing, until cancelled."""
        while not is_cancelled():
            try:
                await self.make()
            except RedisError as error:
                logs.event(log, logging.WARNING, "counting_delayed", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def make(self, now: float | None = None) -> None:
        """Count everything that is not counted yet; everything once more if that is due at `now`."""
        again = await commands.hget(self._redis, keys.USAGE, "again")
        is_due = again is not None and float(again) <= (time.time() if now is None else now)
        if is_due:
            await self._redis.unlink(keys.USAGE, keys.USAGE_COUNTED)
        while not await self._count(again_seconds="" if is_due else _AGAIN_SECONDS):
            if is_cancelled():
                return

    async def wrong(self) -> dict[str, tuple[Used, Used]] | None:
        """Return the namespaces whose counts are wrong, with the count and what there is; None if that cannot be said,
        because the catalog was changed all the time, or is counted just now."""
        for _ in range(_TRIES):
            before = await self._stand()
            there = await self._look()
            if await self._stand() == before:
                known = await usage.counts(self._redis)
                if not known.is_complete:
                    return None
                both = {name: (known.of.get(name, Used()), there.get(name, Used())) for name in {*known.of, *there}}
                return {name: pair for name, pair in both.items() if pair[0] != pair[1]}
        return None

    async def _stand(self) -> tuple[bytes | None, dict[bytes, bytes]]:
        """Return what differs whenever anything has been written or let go."""
        return await self._redis.get(keys.REVISION), await commands.hgetall(self._redis, keys.USAGE)

    async def _look(self) -> dict[str, Used]:
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        async for raws in Entries(self._redis).scan():
            for entry in map(entry_json.read, raws):
                found[entry.namespace][0] += entry.size
                found[entry.namespace][1] += 1
        known = {key: raw async for key, raw in commands.hscan_iter(self._redis, keys.RETIRED, STEP)}
        for entry in (retired.read(raw).entry for raw in known.values()):
            found[entry.namespace][2] += entry.size
            found[entry.namespace][3] += 1
        return {namespace: Used(*counts) for namespace, counts in found.items()}
