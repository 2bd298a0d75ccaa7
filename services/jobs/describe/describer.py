"""Describing pictures: after an upload, facts about the stored bytes are found out and written into the entry, and a
reduction is made if one pays (see `reducer`). Then the forms that WARM names are made (see `warm/warmer`).

The write that makes an entry refer to new bytes also adds it to a stream. One of the workers takes it from there (see
`core/state/stream`): if a worker dies or the storage is down, the entry is delayed but not lost. An entry whose picture
cannot be read stays without facts. Only the job *describe* tries it again.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from services.core.assets import reductions
from services.core.assets.entries import Entry
from services.core.assets.facts import NO_FACTS
from services.core.errors import CatalogReplaced, SignatureMismatch, StorageDown, TadaError, Undecodable
from services.core.jobs import run_progress, safe_points
from services.core.jobs.queue import JobQueue
from services.core.observing import logs, origin
from services.core.sandbox.pool import Pool
from services.core.state import entry_json, keys
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.stream import Consumer, Later, Message
from services.core.storage import ObjectMissing, Storage
from services.jobs.describe.inspection import inspect
from services.jobs.describe.reducer import Reducer
from services.jobs.warm.warmer import Warmer
from services.jobs.writers_first import let_writers_pass

log = logging.getLogger(__name__)

NAMED_MAX = 1000
"""Entries that a result names at most; it counts all of them."""
_REST_SECONDS = 1.0
"""Pause after the storage could not be reached."""
PATIENCE_SECONDS, _PAGE_PATIENCE_SECONDS = 5.0, 30.0
"""How long each picture, and each page of the catalog, waits for uploads."""
_DELIVERIES_MAX = 3
"""Number of workers that may die of one picture."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An entry for which a job could not do its work, and why."""

    uuid: str
    unique_name: str
    reason: str


@dataclass(slots=True)
class Described:
    """The result of a run."""

    checked: int = 0
    described_count: int = 0
    undescribed: list[Failed] = field(default_factory=list)
    undescribed_count: int = 0

    def answer(self) -> dict[str, Any]:
        return asdict(self)


class Sight:
    """Inspects one picture at a time, so that a worker never needs memory for two."""

    def __init__(self, entries: Entries, storage: Storage, reducer: Reducer) -> None:
        self._entries, self._storage, self._reducer = entries, storage, reducer
        self._turn, self._pool = asyncio.Semaphore(1), Pool()

    def close(self) -> None:
        """End the processes that wait for the next picture."""
        self._pool.close()

    def needs_reduction(self, entry: Entry) -> bool:
        """Say whether a reduction of an entry's picture pays, without a look at it: that is a decoding."""
        return reductions.surely_pays(entry, self._reducer.side)

    async def describe(self, entry: Entry) -> bool:
        """Find out the missing facts about an entry's picture and write them, and make the reduction that it lacks; say
        whether anything was made.

        Raises Undecodable, SignatureMismatch, ObjectMissing, StorageDown and RedisError. If the file has been replaced
        meanwhile, nothing is written: the new bytes are described on their own.
        """
        lacks_facts = entry.facts == NO_FACTS
        if not entry.may_be_described or not (lacks_facts or await self._reducer.lacks(entry)):
            return False
        async with self._turn:
            # Meanwhile another job may have made it.
            if not (lacks_facts or await self._reducer.lacks(entry)):
                return False
            seen = await inspect(self._storage, entry, self._pool, self._reducer.side)
        if lacks_facts and not await self._entries.describe(entry.key, entry.signature, seen.facts):
            return False
        kept = seen.reduction is not None and await self._reducer.keep(entry, seen.reduction)
        return lacks_facts or kept


async def describe_all(entries: Entries, log_of_changes: ChangeLog, sight: Sight) -> Described:
    """Describe every entry that has no facts. Entries that another run has described meanwhile are skipped."""
    while True:
        found, count = Described(), await entries.count()
        try:
            async for raws in entries.scan():
                if safe_points.reached():
                    break
                await let_writers_pass(log_of_changes, _PAGE_PATIENCE_SECONDS)
                await _describe_page(entries, sight, raws, found, count)
        except CatalogReplaced:
            continue  # A restore replaced it: go through the new catalog instead.
        return found


async def _describe_page(entries: Entries, sight: Sight, raws: Iterable[bytes], found: Described, count: int) -> None:
    for raw in raws:
        if safe_points.reached():
            return
        entry = entry_json.read(raw)
        await run_progress.note(found.checked, count)
        found.checked += 1
        if entry.facts != NO_FACTS or not entry.may_be_described:
            continue
        try:
            # Read it again: a page takes some time.
            current = await entries.raw(entry.key)
            if current and await sight.describe(entry_json.read(current)):
                found.described_count += 1
        except (Undecodable, SignatureMismatch, ObjectMissing) as error:
            found.undescribed_count += 1
            if len(found.undescribed) < NAMED_MAX:
                found.undescribed.append(Failed(entry.uuid, entry.unique_name, reason(error, entry)))


class Describer:
    """Describes what has been uploaded, and has it warmed: what a consumer of the stream does with each message."""

    def __init__(
        self, entries: Entries, log_of_changes: ChangeLog, sight: Sight, queue: JobQueue, warmer: Warmer
    ) -> None:
        self._entries, self._log, self._sight, self._queue = entries, log_of_changes, sight, queue
        self._warmer = warmer

    async def first(self) -> None:
        """Request a description of the whole catalog: it may be older than the facts."""
        if await self._entries.count():
            await self._queue.put("describe", {}, "upgrade", "describe-upgrade")

    async def ready(self) -> None:
        """Let uploads go first."""
        await let_writers_pass(self._log, PATIENCE_SECONDS)

    async def work(self, message: Message) -> None:
        """Describe the entry that a message names, or request that of all; raises Later."""
        try:
            if b"all" in message.fields:
                for job in ("describe", "reduce", *(["warm"] if self._warmer.forms else [])):
                    await self._queue.put(job, {}, "restore", f"{job}-{message.id}")
            else:
                key = message.fields[b"uuid"].decode()
                with origin.acting_as(origin.of_job("describe")):
                    await self._describe(key, message.deliveries)
                self._warmer.soon(key)
        except (StorageDown, OSError) as error:  # An error of the system: there is no process or no memory left.
            logs.event(log, logging.WARNING, "describe_delayed", error=str(error))
            raise Later(_REST_SECONDS) from error

    async def _describe(self, key: str, deliveries: int) -> None:
        raw = await self._entries.raw(key)
        if raw is None:
            return
        entry = entry_json.read(raw)
        try:
            if deliveries > _DELIVERIES_MAX:
                raise Undecodable(f"{_DELIVERIES_MAX} workers have died of it.", "POST /jobs/describe tries it again.")
            await self._sight.describe(entry)
        except (Undecodable, SignatureMismatch, ObjectMissing) as error:
            level = logging.INFO if isinstance(error, Undecodable) else logging.ERROR
            logs.event(log, level, "undescribed", asset=entry.unique_name, reason=reason(error, entry))


def consumer(client: Redis, process: Process, describer: Describer) -> Consumer:
    """Return the consumer of the stream; the consumers of all workers share it."""
    return Consumer(client, keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP, process.name, describer)


def reason(error: Exception, entry: Entry) -> str:
    """Say why the picture of an entry could not be looked at."""
    return error.message if isinstance(error, TadaError) else f"no file {entry.storage_key}"
