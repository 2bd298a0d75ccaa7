"""Purges a CDN of what changes have made stale, by its position in the log of changes.

A CDN that is purged too early fetches the old bytes again. So a change waits until all nodes of the gateway that can be
reached have it. And each change is purged a second time, some time after all nodes have it: until then a node that was
away may have answered the CDN, and so may a request that began before the change.

If the log no longer has the position of a CDN, everything of this installation is purged: also at the beginning. One
worker purges a CDN, by a lease. If it dies, another one continues from the position. A purge that is repeated does no
harm.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from redis.exceptions import RedisError

from services.core.assets.cache_tags import CacheTags
from services.core.observing import logs
from services.core.state import changes
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import Change, ChangeLog
from services.core.state.connection import Redis
from services.core.state.leases import LeaseLost, Leases
from services.core.state.progress import Progress
from services.jobs import metrics
from services.jobs.cdn.position import Position, Positions
from services.jobs.cdn.stale import Allowance, Everywhere, pause, stale_tags
from services.jobs.cdn.target import NotPurged, Target

log = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
"""After so long a change is purged for the second time. No node answers a request of before the change later."""
APART_SECONDS = 30.0
"""Between two rounds of second purges: each takes what has come meanwhile, so they cost few calls."""
IDLE_SECONDS = 1.0
_AT_ONCE = 2000
"""Changes that are read, and noted as purged, together."""
_TURN_SECONDS = 2.0
"""How often a worker looks whether the one that purges a CDN has died."""


class Purger:
    """Purges one CDN. `progress` is followed already."""

    def __init__(self, client: Redis, target: Target, tags: CacheTags, progress: Progress) -> None:
        self._target, self._tags, self._progress = target, tags, progress
        self._log, self._positions, self._leases = ChangeLog(client), Positions(client, target.name), Leases(client)
        self._allowance = Allowance.full(target.pace, time.monotonic())
        self._everywhere = Everywhere(AGAIN_SECONDS)
        self._next_round = 0.0
        self._position = Position()
        self._is_away = False

    async def run(self) -> None:
        """Work until cancelled, while no other worker does. If Redis goes away, the work continues when it is back."""
        what, token = f"cdn:{self._target.name}", secrets.token_urlsafe(8)
        while not is_cancelled():
            try:
                if await self._leases.take(what, token):
                    try:
                        async with self._leases.kept([what], token):
                            await self._work()
                    finally:
                        with suppress(RedisError):
                            await self._leases.give_up(what, token)
            except (RedisError, LeaseLost) as error:
                logs.event(log, logging.WARNING, "cdn_delayed", cdn=self._target.name, error=str(error))
            if not is_cancelled():
                await asyncio.sleep(_TURN_SECONDS)

    async def _work(self) -> None:
        # A failover can lose the last changes, and with them the position after them. This run still knows it: the log
        # does not have it any more.
        position = max(await self._positions.read(), self._position, key=lambda one: one.sent)
        while not is_cancelled():
            before, reached = position, self._progress.reached
            position = await self._purge_new(position, reached.reachable)
            due = self._everywhere.see(reached.everywhere, time.monotonic())
            position = await self._purge_again(position, due)
            if position == before:
                await self._progress.beyond(reached, IDLE_SECONDS)

    async def _purge_new(self, position: Position, up_to: int) -> Position:
        """Purge the next changes up to one that the gateway has; return the position after them."""
        found = await self._after(position.sent)
        if found is None:
            return await self._purge_all(position, up_to)
        fresh = [change for change in found if change.number <= up_to]
        if not fresh:
            return position
        tags = await self._purge(fresh)
        name, now = self._target.name, time.time()
        for change in fresh:
            metrics.CDN_LAG.labels(name).observe(changes.age(change.number, now))
        logs.event(log, logging.INFO, "cdn_purged", cdn=name, changes=len(fresh), tags=tags, position=fresh[-1].number)
        return await self._noted(replace(position, sent=fresh[-1].number))

    async def _purge_all(self, position: Position, up_to: int) -> Position:
        """Purge everything, once the gateway has a change of this log; return the position at that change."""
        reached = await self._log.from_(up_to, 1)
        if not reached or reached[0].number != up_to:
            return position
        logs.event(log, logging.WARNING, "cdn_purged_whole", cdn=self._target.name, position=position.sent)
        await self._call([self._tags.everything])
        return await self._noted(replace(position, sent=up_to))

    async def _purge_again(self, position: Position, due: int) -> Position:
        """Purge for the second time what is due; return the position after that."""
        up_to = min(due, position.sent)
        if position.settled >= up_to or time.monotonic() < self._next_round:
            return position
        found = await self._after(position.settled)
        if found is None:
            await self._call([self._tags.everything])
            return await self._noted(replace(position, settled=up_to))
        again = [change for change in found if change.number <= up_to]
        await self._purge(again)
        if not again or again[-1].number == up_to:
            self._next_round = time.monotonic() + APART_SECONDS
        return await self._noted(replace(position, settled=again[-1].number)) if again else position

    async def _after(self, number: int) -> list[Change] | None:
        """Return the next changes after one; None if the log does not have that one."""
        found = await self._log.from_(number, _AT_ONCE + 1)
        return found[1:] if found and found[0].number == number else None

    async def _noted(self, position: Position) -> Position:
        self._position = position
        await self._positions.write(position)
        return position

    async def _purge(self, found: Sequence[Change]) -> int:
        """Purge what some changes make stale; return the number of tags."""
        tags, most = stale_tags(found, self._tags), self._target.tags_at_once
        for at in range(0, len(tags), most):
            await self._call(tags[at : at + most])
        return len(tags)

    async def _call(self, tags: Sequence[str]) -> None:
        """Purge some tags. A CDN that fails is asked again, with growing pauses, until it has purged them."""
        name, failures = self._target.name, 0
        while True:
            await asyncio.sleep(self._allowance.take(time.monotonic()))
            try:
                await self._purged(tags)
            except NotPurged as error:
                failures += 1
                metrics.CDN_PURGES.labels(name, error.result).inc()
                if not self._is_away:
                    logs.event(log, logging.ERROR, "cdn_away", cdn=name, result=error.result, error=str(error))
                self._is_away = True
                await asyncio.sleep(pause(failures, error.retry_after, random.random()))  # noqa: S311
                continue
            metrics.CDN_PURGES.labels(name, "done").inc()
            if self._is_away:
                logs.event(log, logging.INFO, "cdn_back", cdn=name)
            self._is_away = False
            return

    async def _purged(self, tags: Sequence[str]) -> None:
        """Ask the CDN once; raises NotPurged, also for a fault of ours: it must not end the rest of the worker."""
        try:
            await self._target.purge(tags)
        except NotPurged:
            raise
        except Exception as error:
            logs.event(log, logging.ERROR, "cdn_broken", exc_info=error, cdn=self._target.name, error=str(error))
            raise NotPurged(f"{type(error).__name__}: {error}") from error
