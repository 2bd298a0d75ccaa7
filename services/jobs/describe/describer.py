"""Describing pictures: facts about the stored bytes are found out after an upload and written into the entry.

The write that makes an entry refer to new bytes also adds it to a stream. One of the workers takes it from there, and
it stays pending until it is done: a worker that dies, or a storage that is down, delays it and does not lose it. What
cannot be looked at is left without facts, and taken again only by the job *describe*.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from redis.exceptions import RedisError, ResponseError

from services.core.assets.entries import Entry
from services.core.assets.facts import NO_FACTS
from services.core.errors import CatalogReplaced, SignatureMismatch, StorageDown, TadaError, Undecodable
from services.core.jobs.queue import JobQueue
from services.core.observing import logs
from services.core.state import entry_json, keys
from services.core.state.changes import ChangeLog, EntryDescribed, age
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.storage import ObjectMissing, Storage
from services.jobs.describe.inspection import inspect

log = logging.getLogger(__name__)

NAMED_MAX = 1000
"""Entries that a result names; it counts all of them."""
LOST_SECONDS = 8.0
"""Without a sign of life for so long, a worker has lost the entry that it was describing."""
_RENEW_SECONDS = 2.0
_BLOCK_MS = 1000
_REST_SECONDS = 1.0
"""After a storage could not be asked."""
_PATIENCE_SECONDS, _PAGE_PATIENCE_SECONDS = 5.0, 30.0
"""For how long each picture, and each page of the catalog, lets uploads go first."""
_QUIET_SECONDS = 0.1
_DELIVERIES_MAX = 3
"""Workers that may die of one picture."""


@dataclass(frozen=True, slots=True)
class Undescribed:
    """An entry that stays without facts, and why."""

    uuid: str
    unique_name: str
    reason: str


@dataclass(slots=True)
class Described:
    """What a run has found and done."""

    checked: int = 0
    described_count: int = 0
    undescribed: list[Undescribed] = field(default_factory=list)
    undescribed_count: int = 0

    def answer(self) -> dict[str, Any]:
        return asdict(self)


class Sight:
    """Looks at one picture at a time, so that a worker never needs memory for two."""

    def __init__(self, entries: Entries, storage: Storage) -> None:
        self._entries, self._storage = entries, storage
        self._turn = asyncio.Semaphore(1)

    async def describe(self, entry: Entry) -> bool:
        """Find out what is not known of an entry's picture and write it; say whether there was anything to do.

        Raises Undecodable, SignatureMismatch, ObjectMissing, StorageDown and RedisError. What has been replaced
        meanwhile is left alone: its new bytes have their own turn.
        """
        if entry.facts != NO_FACTS or not entry.may_be_described:
            return False
        async with self._turn:
            facts = await inspect(self._storage, entry)
        return await self._entries.describe(entry.uuid, entry.signature, facts)


async def describe_all(entries: Entries, log_of_changes: ChangeLog, sight: Sight) -> Described:
    """Describe every entry that has no facts. What another run has described by then is passed over."""
    while True:
        found = Described()
        try:
            async for raws in entries.scan():
                await _let_writers_pass(log_of_changes, _PAGE_PATIENCE_SECONDS)
                await _describe_page(entries, sight, raws, found)
        except CatalogReplaced:
            continue  # By a restore: what is the catalog now is gone through instead.
        return found


async def _let_writers_pass(log_of_changes: ChangeLog, seconds: float) -> None:
    """Wait while entries are being written, but not for ever: somebody waits for that, and nobody for this."""
    for _ in range(round(seconds / _QUIET_SECONDS)):
        latest = await log_of_changes.latest()
        if latest is None or isinstance(latest, EntryDescribed) or age(latest.number, time.time()) >= _QUIET_SECONDS:
            return
        await asyncio.sleep(_QUIET_SECONDS)


async def _describe_page(entries: Entries, sight: Sight, raws: Iterable[bytes], found: Described) -> None:
    for raw in raws:
        entry = entry_json.read(raw)
        found.checked += 1
        if entry.facts != NO_FACTS or not entry.may_be_described:
            continue
        try:
            # Read again: a page takes its time.
            current = await entries.raw(entry.uuid)
            if current and await sight.describe(entry_json.read(current)):
                found.described_count += 1
        except (Undecodable, SignatureMismatch, ObjectMissing) as error:
            found.undescribed_count += 1
            if len(found.undescribed) < NAMED_MAX:
                found.undescribed.append(Undescribed(entry.uuid, entry.unique_name, _reason(error, entry)))


class Describer:
    """Describes what has been uploaded, one after the other; several workers share it."""

    def __init__(self, client: Redis, process: Process, entries: Entries, sight: Sight, queue: JobQueue) -> None:
        self._redis, self._process, self._entries, self._sight, self._queue = client, process, entries, sight, queue
        self._log = ChangeLog(client)

    async def run(self) -> None:
        """Work until cancelled; what Redis' absence interrupts goes on when it is back."""
        while True:
            try:
                await self._make_group()
                while True:
                    # Before one is taken: what is taken is worked on at once, or another worker would take it over.
                    await _let_writers_pass(self._log, _PATIENCE_SECONDS)
                    for message_id, fields in await self._take():
                        await self._work(message_id, fields)
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
            await asyncio.sleep(0.5)

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            return
        if await self._entries.count():
            # There was a catalog before there were facts.
            await self._queue.put("describe", {}, "upgrade", "describe-upgrade")

    async def _take(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return what a dead worker has left or the storage could not give, else what is new."""
        group = (keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, self._process.name)
        _, left, _ = await self._redis.xautoclaim(*group, min_idle_time=int(LOST_SECONDS * 1000), count=1)
        if left:
            return left  # type: ignore[no-any-return]
        found = await self._redis.xreadgroup(*group[1:], {keys.UNDESCRIBED: ">"}, count=1, block=_BLOCK_MS)
        return [message for _, messages in found or [] for message in messages]

    async def _work(self, message_id: bytes, fields: dict[bytes, bytes]) -> None:
        kept = asyncio.create_task(self._keep(message_id))
        try:
            if b"all" in fields:
                await self._queue.put("describe", {}, "restore", f"describe-{message_id.decode()}")
            else:
                await self._describe(message_id, fields[b"uuid"].decode())
        except (StorageDown, OSError) as error:  # Of the system: it has no process or no memory to give.
            logs.event(log, logging.WARNING, "describe_delayed", error=str(error))
            await self._put_off(message_id)
            await asyncio.sleep(_REST_SECONDS)
        else:
            await self._finish(message_id)
        finally:
            kept.cancel()

    async def _describe(self, message_id: bytes, uuid: str) -> None:
        raw = await self._entries.raw(uuid)
        if raw is None:
            return
        entry = entry_json.read(raw)
        try:
            if await self._deliveries(message_id) > _DELIVERIES_MAX:
                raise Undecodable(f"{_DELIVERIES_MAX} workers have died of it.", "POST /jobs/describe tries it again.")
            await self._sight.describe(entry)
        except (Undecodable, SignatureMismatch, ObjectMissing) as error:
            level = logging.INFO if isinstance(error, Undecodable) else logging.ERROR
            logs.event(log, level, "undescribed", asset=entry.unique_name, reason=_reason(error, entry))

    async def _deliveries(self, message_id: bytes) -> int:
        found = await self._redis.xpending_range(
            keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, min=message_id, max=message_id, count=1
        )
        return int(found[0]["times_delivered"]) if found else 0

    async def _keep(self, message_id: bytes) -> None:
        """Say again and again that this worker lives, and has it."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(RedisError):
                await self._claim(message_id, justid=True)

    async def _put_off(self, message_id: bytes) -> None:
        """Leave it for later, by whichever worker: nobody has died of it."""
        await self._claim(message_id, retrycount=0)

    async def _claim(self, message_id: bytes, **how: Any) -> None:
        await self._redis.xclaim(keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, self._process.name, 0, [message_id], **how)

    async def _finish(self, message_id: bytes) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xack(keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, message_id)
            pipeline.xdel(keys.UNDESCRIBED, message_id)
            await pipeline.execute()


def _reason(error: Exception, entry: Entry) -> str:
    return error.message if isinstance(error, TadaError) else f"no file {entry.storage_key}"
