"""Purging: for every change of the catalog, remove each cached form of the asset from both tiers.

Changes come from a stream, are taken by one of the workers and stay pending until they are done: a worker that dies
delays a purge and never loses it. What a node that is down has missed is kept for it (see `missed`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import orjson
from redis.exceptions import RedisError, ResponseError

from services.core import keys, logs, names, origin, tracing
from services.core.catalog import Catalog
from services.core.errors import TadaError
from services.core.reaping import settle
from services.core.redis import Redis, script
from services.core.storage import Storage
from services.core.variants import Variants
from services.jobs import metrics
from services.jobs.missed import MissedPurges
from services.jobs.nginx import Tiers

log = logging.getLogger(__name__)

_AT_ONCE = 32
_BLOCK_MS = 1000
_RETRY_MS = 3000
"""A change that has been pending for so long is tried again."""
_POLL_SECONDS = 0.01
_AGAIN_SECONDS = (0.1, 1.0, 5.0, 65.0)
"""A tier may be storing, at the moment of its purge, an answer that left its origin just before: nobody can see that it
has been stored, and a node that is held up stores it late. So purges are repeated after these times, the last one
beyond the time that nginx waits for an answer (proxy_read_timeout)."""
_EDGE_SECONDS = 5.0
"""Beyond that only what was on its way is repeated: an edge forgets by itself within a minute."""
_DUE_SECONDS = 0.1
_MAKE_UP_SECONDS = 0.25
"""How often nodes that have missed purges are asked whether they are back: so long may they show what was before."""
_STOP_SECONDS = 0.5
"""How long purges that have begun may take to end when the worker is told to stop."""
_RESULT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PendingChange:
    """One entry that was written, or the key under which the whole catalog was put aside (`removed`).

    `added` says that another catalog has taken its place. `facts` says that the entry has only been described:
    nothing that is delivered has changed, but what the catalog shows.
    """

    id: str
    uuid: str
    unique_name: str
    obsolete: str
    removed: str
    added: bool
    facts: bool
    request_id: str
    traceparent: str


class Purger:
    def __init__(self, client: Redis, catalog: Catalog, variants: Variants, storage: Storage, tiers: Tiers) -> None:
        self._redis, self._catalog, self._variants, self._storage = client, catalog, variants, storage
        self._tiers, self._missed = tiers, MissedPurges(client, tiers)
        self._settle = script(client, "settle")
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._in_work: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; what Redis' absence interrupts goes on when it is back."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._take_new, self._take_pending, self._repeat_due, self._make_up):
                    group.create_task(self._keep_on(work))
        finally:
            # Another worker takes what is left over only when it has been pending for a while.
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)

    async def _keep_on(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do one kind of work again and again, whatever the others do.

        None is cancelled for the failure of another: in a process that was frozen, redis-py may take a cancellation for
        its own time-out, and whoever waited for that work to end would wait for ever.
        """
        while _goes_on():
            try:
                await self._make_group()
                await work()
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
            await asyncio.sleep(0.5)

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(keys.CHANGES, keys.CHANGES_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _take_new(self) -> None:
        while _goes_on():
            found = await self._redis.xreadgroup(
                keys.CHANGES_GROUP, self._catalog.owner, {keys.CHANGES: ">"}, count=_AT_ONCE, block=_BLOCK_MS
            )
            for _, messages in found or []:
                await self._start(messages)

    async def _take_pending(self) -> None:
        """Try again what has been pending for a while: all of it, then rest."""
        cursor: Any = b"0-0"
        while _goes_on():
            cursor, messages, _ = await self._redis.xautoclaim(
                keys.CHANGES,
                keys.CHANGES_GROUP,
                self._catalog.owner,
                min_idle_time=_RETRY_MS,
                start_id=cursor,
                count=_AT_ONCE,
            )
            await self._start(messages)
            if cursor == b"0-0":
                await asyncio.sleep(_RETRY_MS / 1000)

    async def _repeat_due(self) -> None:
        """Repeat the purges that are due. One is dropped when it is done, by whichever worker."""
        while _goes_on():
            now = time.time()
            due = await self._redis.zrangebyscore(keys.AGAIN, "-inf", now, start=0, num=_AT_ONCE, withscores=True)
            for member, at in due:
                again = orjson.loads(member)
                await self._purge_keys(again["late"])
                await self._purge_edge(again["keys"])
                # One that was planned anew meanwhile stays as it is.
                await self._settle(keys=[keys.AGAIN], args=[member, at])
                metrics.REPEATS.inc()
            await asyncio.sleep(_DUE_SECONDS)

    async def _make_up(self) -> None:
        while _goes_on():
            made_up = await self._missed.make_up()
            if made_up:
                await self._purge_edge(made_up)
                await self._plan_again(made_up, set())
            await asyncio.sleep(_MAKE_UP_SECONDS)

    async def _purge_keys(self, cache_keys: Collection[str]) -> bool:
        """Purge both tiers; say whether every node has done it. What one has missed is kept for it."""
        missed = await self._tiers.purge(cache_keys)
        await self._missed.note(missed, cache_keys)
        return not missed

    async def _purge_edge(self, cache_keys: Collection[str]) -> None:
        await self._missed.note(await self._tiers.purge_edge(cache_keys), cache_keys)

    async def _start(self, messages: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for message_id, fields in messages:
            change = _read(message_id, fields)
            if change.id not in self._in_work:
                await self._places.acquire()
                self._in_work.add(change.id)
                self._spawn(self._work(change))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, change: PendingChange) -> None:
        with origin.working_for(change.request_id), tracing.span("purge", change.traceparent, change=change.id):
            await self._purge_for(change)

    async def _purge_for(self, change: PendingChange) -> None:
        asset = change.unique_name or change.removed
        try:
            if change.removed:
                everywhere = await self._purge_replaced(change)
            elif change.facts:
                everywhere = await self._purge([keys.entry_group(change.uuid)])
            else:
                everywhere = await self._purge(_groups(change.unique_name, change.uuid))
                await self._clear_obsolete(change)
            await self._finish(change, everywhere)
            metrics.PURGES.labels("done" if everywhere else "missed").inc()
            lag = metrics.age_of(change.id, time.time())
            metrics.PURGE_LAG.observe(lag)
            logs.event(log, logging.INFO, "purged", asset=asset, everywhere=everywhere, ms=round(lag * 1000, 1))
        except (RedisError, TadaError) as error:
            metrics.PURGES.labels("delayed").inc()
            logs.event(log, logging.ERROR, "purge_delayed", asset=asset, error=str(error))
        finally:
            self._in_work.discard(change.id)
            self._places.release()

    async def _purge_replaced(self, change: PendingChange) -> bool:
        """Purge what was removed, and what was added too: its caches may hold that there is nothing.

        What is changed later in the catalog that is live now has a change of its own.
        """
        everywhere = True
        for key in (change.removed, *([keys.ENTRIES] if change.added else [])):
            async for entries in self._catalog.batches(key):
                groups = [group for entry in entries for group in _groups(entry.unique_name, entry.uuid)]
                everywhere &= await self._purge(groups)
        # Not at once: a reader may be in the middle of it.
        await self._redis.expire(change.removed, keys.ASIDE_SECONDS)
        return everywhere

    async def _purge(self, groups: list[str]) -> bool:
        """Purge all that is noted for the groups; say whether every node has done it."""
        # Looked up before purging: an answer that has been sent by now is removed with the rest.
        under_way = await self._variants.under_way(groups)
        lists_under_way = await self._variants.under_way([keys.LIST_GROUP])
        cache_keys = await self._variants.cache_keys([*groups, keys.LIST_GROUP])
        late = {*under_way.values(), *lists_under_way.values()}
        everywhere = await self._purge_keys(cache_keys)
        metrics.PURGED_KEYS.inc(len(cache_keys))
        everywhere &= await self._purge_late(groups, under_way)
        if cache_keys:
            await self._plan_again(cache_keys, late)
        await self._variants.forget(groups)
        if lists_under_way:
            # A long list may take its time to leave; the asset's own change does not wait for it.
            self._spawn(self._purge_behind([keys.LIST_GROUP], lists_under_way))
        return everywhere

    async def _plan_again(self, cache_keys: set[str], late: set[str]) -> None:
        """Have the purge repeated: at the edge for all keys, which costs reads from the cache tier; and in both tiers
        for those that were on their way, which costs a render each."""
        now = time.time()
        plan = {}
        for pause in _AGAIN_SECONDS:
            # The same keys make the same member: many changes of one asset, or of the list, do not pile up.
            wanted = {"keys": sorted(cache_keys), "late": sorted(late), "pause": pause}
            if late or pause <= _EDGE_SECONDS:
                plan[orjson.dumps(wanted)] = now + pause
        await self._redis.zadd(keys.AGAIN, plan)

    async def _purge_late(self, groups: list[str], under_way: dict[str, str]) -> bool:
        """Wait for answers that may have been made before the change, and remove each when it has been stored."""
        everywhere = True
        while under_way:
            await asyncio.sleep(_POLL_SECONDS)
            still = await self._variants.under_way(groups)
            arrived = {key for answer, key in under_way.items() if answer not in still}
            if arrived:
                everywhere &= await self._purge_keys(arrived)
            under_way = {answer: key for answer, key in under_way.items() if answer in still}
        return everywhere

    async def _purge_behind(self, groups: list[str], under_way: dict[str, str]) -> None:
        try:
            await self._purge_late(groups, under_way)
        except RedisError as error:
            logs.event(log, logging.WARNING, "purge_behind_failed", error=str(error))

    async def _clear_obsolete(self, change: PendingChange) -> None:
        if change.obsolete:
            stale = await self._catalog.take_obsolete(change.obsolete, change.uuid)
            if stale:
                await settle(self._catalog, self._storage, [stale])

    async def _finish(self, change: PendingChange, everywhere: bool) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.lpush(keys.purged(change.id), b"1" if everywhere else b"0")
            pipeline.expire(keys.purged(change.id), _RESULT_SECONDS)
            pipeline.xack(keys.CHANGES, keys.CHANGES_GROUP, change.id)
            pipeline.xdel(keys.CHANGES, change.id)
            await pipeline.execute()


def _goes_on() -> bool:
    """Say whether the task that runs has not been cancelled. It is told once, and a client of Redis may swallow it."""
    task = asyncio.current_task()
    return task is None or not task.cancelling()


def _read(message_id: bytes, fields: dict[bytes, bytes]) -> PendingChange:
    return PendingChange(
        id=message_id.decode(),
        uuid=fields.get(b"uuid", b"").decode(),
        unique_name=fields.get(b"unique_name", b"").decode(),
        obsolete=fields.get(b"obsolete", b"").decode(),
        removed=fields.get(b"removed", b"").decode(),
        added=b"added" in fields,
        facts=b"facts" in fields,
        request_id=fields.get(b"request_id", b"").decode(),
        traceparent=fields.get(b"traceparent", b"").decode(),
    )


def _groups(unique_name: str, uuid: str) -> list[str]:
    groups = [keys.path_group(names.stem(unique_name)), keys.entry_group(uuid)]
    return [*groups, *(keys.brief(group) for group in groups)]
