"""Purging: for every change of the catalog, remove each cached form of the asset from both tiers.

Changes come from a stream, are taken by one of the workers and stay pending until they are done: a worker that dies,
or a node that is down, delays a purge and never loses it.
"""

import asyncio
import logging
import time
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
from services.jobs.nginx import PurgeFailed, Tiers

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
_REPEAT_WITHIN_SECONDS = 600
"""How long a repetition is tried: a node that stays away longer comes back to changes that are still pending."""
_RESULT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PendingChange:
    """One entry that was written, or the key under which the whole catalog was put aside (`removed`).

    `added` says that another catalog has taken its place.
    """

    id: str
    uuid: str
    unique_name: str
    obsolete: str
    removed: str
    added: bool
    request_id: str
    traceparent: str


class Purger:
    def __init__(self, client: Redis, catalog: Catalog, variants: Variants, storage: Storage, tiers: Tiers) -> None:
        self._redis, self._catalog, self._variants, self._storage = client, catalog, variants, storage
        self._tiers = tiers
        self._settle = script(client, "settle")
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._in_work: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; what Redis' absence interrupts goes on when it is back."""
        while True:
            try:
                await self._make_group()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._take_new())
                    group.create_task(self._take_pending())
                    group.create_task(self._repeat_due())
            except* RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error.exceptions[0]))
            await asyncio.sleep(0.5)

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(keys.CHANGES, keys.CHANGES_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _take_new(self) -> None:
        while True:
            found = await self._redis.xreadgroup(
                keys.CHANGES_GROUP, self._catalog.owner, {keys.CHANGES: ">"}, count=_AT_ONCE, block=_BLOCK_MS
            )
            for _, messages in found or []:
                await self._start(messages)

    async def _take_pending(self) -> None:
        """Try again what has been pending for a while: all of it, then rest."""
        cursor: Any = b"0-0"
        while True:
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
        """Repeat the purges that are due. One is dropped when it is done, by whichever worker, or too old."""
        while True:
            now = time.time()
            due = await self._redis.zrangebyscore(keys.AGAIN, "-inf", now, start=0, num=_AT_ONCE, withscores=True)
            for member, at in due:
                done = await self._repeat(member) or now - orjson.loads(member)["planned"] > _REPEAT_WITHIN_SECONDS
                # One that was planned anew meanwhile stays as it is.
                await self._settle(keys=[keys.AGAIN], args=[member, at, "" if done else now + _RETRY_MS / 1000])
            await asyncio.sleep(_DUE_SECONDS)

    async def _repeat(self, member: bytes) -> bool:
        again = orjson.loads(member)
        try:
            await self._tiers.purge(again["late"])
            await self._tiers.purge_edge(again["keys"])
        except PurgeFailed as error:
            metrics.REPEATS.labels("delayed").inc()
            logs.event(log, logging.WARNING, "repeat_delayed", error=str(error))
            return False
        metrics.REPEATS.labels("done").inc()
        return True

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
                await self._purge_replaced(change)
            else:
                await self._purge(_groups(change.unique_name, change.uuid))
                await self._clear_obsolete(change)
            await self._finish(change)
            metrics.PURGES.labels("done").inc()
            lag = metrics.age_of(change.id, time.time())
            metrics.PURGE_LAG.observe(lag)
            logs.event(log, logging.INFO, "purged", asset=asset, ms=round(lag * 1000, 1))
        except (PurgeFailed, RedisError, TadaError) as error:
            metrics.PURGES.labels("delayed").inc()
            logs.event(log, logging.ERROR, "purge_delayed", asset=asset, error=str(error))
        finally:
            self._in_work.discard(change.id)
            self._places.release()

    async def _purge_replaced(self, change: PendingChange) -> None:
        """Purge what was removed, and what was added too: its caches may hold that there is nothing.

        What is changed later in the catalog that is live now has a change of its own.
        """
        for key in (change.removed, *([keys.ENTRIES] if change.added else [])):
            async for entries in self._catalog.batches(key):
                await self._purge([group for entry in entries for group in _groups(entry.unique_name, entry.uuid)])
        # Not at once: a reader may be in the middle of it.
        await self._redis.expire(change.removed, keys.ASIDE_SECONDS)

    async def _purge(self, groups: list[str]) -> None:
        # Looked up before purging: an answer that has been sent by now is removed with the rest.
        under_way = await self._variants.under_way(groups)
        lists_under_way = await self._variants.under_way([keys.LIST_GROUP])
        cache_keys = await self._variants.cache_keys([*groups, keys.LIST_GROUP])
        late = {*under_way.values(), *lists_under_way.values()}
        await self._tiers.purge(cache_keys)
        metrics.PURGED_KEYS.inc(len(cache_keys))
        await self._purge_late(groups, under_way)
        if cache_keys:
            await self._plan_again(cache_keys, late)
        await self._variants.forget(groups)
        if lists_under_way:
            # A long list may take its time to leave; the asset's own change does not wait for it.
            self._spawn(self._purge_behind([keys.LIST_GROUP], lists_under_way))

    async def _plan_again(self, cache_keys: set[str], late: set[str]) -> None:
        """Have the purge repeated: at the edge for all keys, which costs reads from the cache tier; and in both tiers
        for those that were on their way, which costs a render each."""
        now = time.time()
        plan = {}
        for pause in _AGAIN_SECONDS:
            # The same keys make the same member: many changes of one asset, or of the list, do not pile up.
            wanted = {"keys": sorted(cache_keys), "late": sorted(late), "pause": pause, "planned": int(now) // 60 * 60}
            if late or pause <= _EDGE_SECONDS:
                plan[orjson.dumps(wanted)] = now + pause
        await self._redis.zadd(keys.AGAIN, plan)

    async def _purge_late(self, groups: list[str], under_way: dict[str, str]) -> None:
        """Wait for answers that may have been made before the change, and remove each when it has been stored."""
        while under_way:
            await asyncio.sleep(_POLL_SECONDS)
            still = await self._variants.under_way(groups)
            arrived = {key for answer, key in under_way.items() if answer not in still}
            if arrived:
                await self._tiers.purge(arrived)
            under_way = {answer: key for answer, key in under_way.items() if answer in still}

    async def _purge_behind(self, groups: list[str], under_way: dict[str, str]) -> None:
        try:
            await self._purge_late(groups, under_way)
        except (PurgeFailed, RedisError) as error:
            logs.event(log, logging.WARNING, "purge_behind_failed", error=str(error))

    async def _clear_obsolete(self, change: PendingChange) -> None:
        if change.obsolete:
            stale = await self._catalog.take_obsolete(change.obsolete, change.uuid)
            if stale:
                await settle(self._catalog, self._storage, [stale])

    async def _finish(self, change: PendingChange) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.lpush(keys.purged(change.id), b"1")
            pipeline.expire(keys.purged(change.id), _RESULT_SECONDS)
            pipeline.xack(keys.CHANGES, keys.CHANGES_GROUP, change.id)
            pipeline.xdel(keys.CHANGES, change.id)
            await pipeline.execute()


def _read(message_id: bytes, fields: dict[bytes, bytes]) -> PendingChange:
    return PendingChange(
        id=message_id.decode(),
        uuid=fields.get(b"uuid", b"").decode(),
        unique_name=fields.get(b"unique_name", b"").decode(),
        obsolete=fields.get(b"obsolete", b"").decode(),
        removed=fields.get(b"removed", b"").decode(),
        added=b"added" in fields,
        request_id=fields.get(b"request_id", b"").decode(),
        traceparent=fields.get(b"traceparent", b"").decode(),
    )


def _groups(unique_name: str, uuid: str) -> list[str]:
    groups = [keys.path_group(names.stem(unique_name)), keys.entry_group(uuid)]
    return [*groups, *(keys.brief(group) for group in groups)]
