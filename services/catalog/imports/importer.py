"""Imports files: what a consumer of the stream of items does with each.

The catalog process fetches a file into its spool and uploads it like one that a client has sent. So there is one way
into the catalog, with its checks, rights and claims, for every storage, and the bytes are stored once.

An item can be interrupted at any time: another consumer takes it over. A change has the id of the request that caused
it, and each item has one of its own. So whoever takes an item over finds in the log whether its asset has been made.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from redis.exceptions import RedisError

from services.catalog import metrics
from services.catalog.imports.fetching import Fetcher
from services.catalog.imports.items import Item, read_item
from services.catalog.imports.records import CANCELLED, Imports, Noted, Told
from services.catalog.search.search import Search
from services.catalog.uploads.uploads import Uploads
from services.core.assets.entries import Entry
from services.core.errors import OutwardFailed, TadaError, TookTooLong, WorkerDied
from services.core.jobs.log import Record, told
from services.core.observing import logs, origin
from services.core.outward.addresses import Allowed
from services.core.state import keys
from services.core.state.changes import ChangeLog, EntryWritten, number_of
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.leftovers import Leftovers
from services.core.state.process import Process
from services.core.state.stream import Consumer, Later, Message

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Files that one process imports at the same time. No server is asked for more by it."""
GROUP = "importers"
TRIED_SECONDS = 3600.0
"""For so long after an import was asked for, what may pass is tried again."""
_WAITING_SECONDS = 24 * 3600.0
_REST_SECONDS = 15.0
"""How long a server that does not answer is left alone."""
_PAUSE_SECONDS = 1.0
"""Pause after the storage could not be reached."""
_DELIVERIES_MAX = 3
"""Number of processes that may die of one item."""
_LEFTOVER_SECONDS = 3.0
_PAGE = 1000


@dataclass(slots=True)
class Importer:
    """The Handler of the stream; see core/state/stream."""

    imports: Imports
    fetcher: Fetcher
    allowed: Allowed
    uploads: Uploads
    entries: Entries
    changes: ChangeLog
    search: Search
    leftovers: Leftovers
    _resting: dict[str, tuple[float, OutwardFailed]] = field(default_factory=dict)
    """Servers that do not answer: until when they are left alone, and what went wrong."""

    async def first(self) -> None:
        """Nothing has to be done before the first import ever."""

    async def ready(self) -> None:
        """There is always time for an item."""

    async def work(self, message: Message) -> None:
        """Import the item that a message names; raises Later."""
        job_id, item = message.fields[b"job"].decode(), message.fields[b"item"].decode()
        owner = secrets.token_hex(8)
        noted = await self.imports.take(job_id, item, owner)
        if noted is None:
            return
        if not noted.is_settled:
            with origin.working_for(f"{job_id}.{item}"), origin.acting_as(noted.record.asked_by):
                result = await self._result(noted, item, owner, message.deliveries)
                await self.imports.settle(job_id, item, result)
        if not await self.imports.end(noted.record):
            raise Later(0)

    async def _result(self, noted: Noted, item: str, owner: str, deliveries: int) -> Told:
        """Return what became of an item; raises Later."""
        record, started = noted.record, time.monotonic()
        try:
            if noted.since is not None and (made := await self._made_before(noted.since)):
                return made
            if noted.is_cancelled:
                return CANCELLED
            if deliveries > _DELIVERIES_MAX:
                raise WorkerDied(f"It was begun {deliveries - 1} times, and each time the process died.")
            if _age(record) > _WAITING_SECONDS:
                raise TookTooLong("It has waited for more than a day, because too much was to be imported.")
            entry, commit = await self._import(record, item, owner, read_item(noted.given, self.allowed))
        except (RedisError, Later):
            raise
        except Exception as error:
            if _may_pass(error, record):
                metrics.IMPORTS.labels("retrying").inc()
                await self.imports.delay(record.id, item, told(error))
                raise Later(0 if isinstance(error, OutwardFailed) else _PAUSE_SECONDS) from error
            level = logging.WARNING if isinstance(error, TadaError) else logging.ERROR
            logs.event(log, level, "import_failed", job=record.id, item=item, error=str(error))
            metrics.IMPORTS.labels("failed").inc()
            return {"status": "failed", "error": told(error)}
        metrics.IMPORTS.labels("done").inc()
        metrics.IMPORT_SECONDS.observe(time.monotonic() - started)
        logs.event(log, logging.INFO, "imported", job=record.id, item=item, by=record.asked_by, uuid=entry.uuid)
        return _done(entry.uuid, entry.unique_name, is_new=commit is not None)

    async def _import(self, record: Record, item: str, owner: str, wanted: Item) -> tuple[Entry, Commit | None]:
        host = wanted.url.host
        self._check_awake(host)
        try:
            async with self.fetcher.fetched(wanted.url) as file:
                since = number_of(await self.entries.revision())
                if not await self.imports.begin(record.id, item, owner, since):
                    raise Later(0)  # Another process has the item, as this one was taken for dead; or it is cancelled.
                [result] = await self.uploads.create([file], wanted.wish)
        except OutwardFailed as error:
            self._resting[host] = time.monotonic() + _REST_SECONDS, error
            raise
        if isinstance(result, TadaError):
            raise result
        entry, commit = result
        if commit:
            self.search.uploaded(commit.number, entry.signature, entry.unique_name)
            await self.leftovers.clear([commit], _LEFTOVER_SECONDS)
        return entry, commit

    def _check_awake(self, host: str) -> None:
        """Raise what went wrong a moment ago, if a server is left alone."""
        now = time.monotonic()
        self._resting = {name: rest for name, rest in self._resting.items() if rest[0] > now}
        if host in self._resting:
            raise self._resting[host][1]

    async def _made_before(self, since: int) -> Told | None:
        """Return the asset that an upload of the current item has made after a change; None if it has made none.

        Raises WorkerDied if the log no longer has that change.
        """
        request_id, page = origin.request_id.get(), await self.changes.from_(since, _PAGE)
        if since and (not page or page[0].number != since):
            raise WorkerDied("It was interrupted, and the log of changes does not say any more whether it was done.")
        while page:
            for change in page:
                if isinstance(change, EntryWritten) and change.request_id == request_id:
                    return _done(change.uuid, change.unique_name, is_new=True)
            page = await self.changes.from_(page[-1].number + 1, _PAGE)
        return None


def consumers(client: Redis, process: Process, importer: Importer) -> Sequence[Consumer]:
    """Return the consumers of this process; those of all processes share the stream."""
    return [Consumer(client, keys.IMPORTS, GROUP, f"{process.name}-{number}", importer) for number in range(AT_ONCE)]


def _done(uuid: str, unique_name: str, *, is_new: bool) -> Told:
    return {"status": "done", "uuid": uuid, "unique_name": unique_name, "existed": not is_new}


def _may_pass(error: Exception, record: Record) -> bool:
    """Say whether an item is to be tried again after an error."""
    is_down = isinstance(error, TadaError) and error.status >= 500 and not isinstance(error, WorkerDied)
    return is_down and _age(record) < TRIED_SECONDS


def _age(record: Record) -> float:
    return time.time() - datetime.fromisoformat(record.queued_at).timestamp()
