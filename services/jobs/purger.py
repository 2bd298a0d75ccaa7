"""Purging: for every change of the catalog, remove each cached form of the asset from both tiers.

Changes come from a stream, are taken by one of the workers and stay pending until they are done: a worker that dies,
or a node that is down, delays a purge and never loses it.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from services.core import keys, logs, names
from services.core.catalog import Catalog
from services.core.errors import TadaError
from services.core.redis import Redis
from services.core.storage import Storage
from services.core.variants import Variants
from services.jobs.nginx import PurgeFailed, Tiers

log = logging.getLogger(__name__)

_AT_ONCE = 32
_BLOCK_MS = 1000
_RETRY_MS = 3000
"""A change that has been pending for so long is tried again."""
_POLL_SECONDS = 0.01
_EDGE_AGAIN_SECONDS = (0.1, 1.0, 5.0)
"""An edge may be storing, at the moment of its purge, what it read from the cache tier just before. It is purged
again after these times; that costs a read from the cache tier, not a render."""
_RESULT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PendingChange:
    """One entry that was written, or the key under which many entries were put aside (`removed`)."""

    id: str
    uuid: str
    unique_name: str
    obsolete: str
    removed: str


class Purger:
    def __init__(self, client: Redis, catalog: Catalog, variants: Variants, storage: Storage, tiers: Tiers) -> None:
        self._redis, self._catalog, self._variants, self._storage = client, catalog, variants, storage
        self._tiers = tiers
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
        while True:
            _, messages, _ = await self._redis.xautoclaim(
                keys.CHANGES, keys.CHANGES_GROUP, self._catalog.owner, min_idle_time=_RETRY_MS, count=_AT_ONCE
            )
            await self._start(messages)
            await asyncio.sleep(_RETRY_MS / 1000)

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
        try:
            if change.removed:
                await self._purge_removed(change.removed)
            else:
                await self._purge(_groups(change.unique_name, change.uuid))
                await self._clear_obsolete(change)
            await self._finish(change)
        except (PurgeFailed, RedisError, TadaError) as error:
            logs.event(
                log, logging.ERROR, "purge_delayed", asset=change.unique_name or change.removed, error=str(error)
            )
        finally:
            self._in_work.discard(change.id)
            self._places.release()

    async def _purge_removed(self, aside: str) -> None:
        async for entries in self._catalog.removed(aside):
            await self._purge([group for entry in entries for group in _groups(entry.unique_name, entry.uuid)])
        await self._redis.unlink(aside)

    async def _purge(self, groups: list[str]) -> None:
        # Looked up before purging: an answer that has been sent by now is removed with the rest.
        under_way = await self._variants.under_way(groups)
        lists_under_way = await self._variants.under_way([keys.LIST_GROUP])
        cache_keys = await self._variants.cache_keys([*groups, keys.LIST_GROUP])
        await self._tiers.purge(cache_keys)
        await self._purge_late(groups, under_way)
        if lists_under_way:
            # A long list may take its time to leave; the asset's own change does not wait for it.
            self._spawn(self._purge_behind([keys.LIST_GROUP], lists_under_way))
        if cache_keys:
            self._spawn(self._purge_edge_again(cache_keys))

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

    async def _purge_edge_again(self, cache_keys: set[str]) -> None:
        try:
            for pause in _EDGE_AGAIN_SECONDS:
                await asyncio.sleep(pause)
                await self._tiers.purge_edge(cache_keys)
        except PurgeFailed as error:
            logs.event(log, logging.WARNING, "edge_purge_failed", error=str(error))

    async def _clear_obsolete(self, change: PendingChange) -> None:
        if change.obsolete:
            stale = await self._catalog.take_obsolete(change.obsolete, change.uuid)
            if stale:
                await self._storage.delete(stale.storage_key)
                await self._catalog.release(stale)

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
    )


def _groups(unique_name: str, uuid: str) -> list[str]:
    return [keys.path_group(names.stem(unique_name)), keys.entry_group(uuid)]
