"""Imports in Redis: their items, what became of each, and the stream from which the catalog processes take them.

An import is a job, but no worker has a part in it: each item is an upload, and these are the work of the catalog
service. Its items, its record and its messages are written in one step. What is noted of an item stays until all items
have a result. Then the record of the job has all of it.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from services.core.assets.entries import timestamp
from services.core.errors import TooManyRequests
from services.core.jobs import kinds
from services.core.jobs.log import KEPT_SECONDS, JobLog, Record, Status
from services.core.observing import origin
from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.core.state.leases import Leases
from services.core.state.script import Script

IMPORT = "import"
WAITING_MAX = 5000
"""Items of all imports that may wait at the same time."""
_AGAIN_SECONDS = 60
_URL_SHOWN = 200
_JOB, _BEGAN, _OWNER, _SINCE, _ERROR, _CANCELLED = "job", "began", "owner", "since", "error", "cancelled"
CANCELLED: "Told" = {"status": "cancelled"}
"""What became of an item whose upload had not begun when its import was cancelled."""

Told = Mapping[str, Any]
"""What became of an item, as the client is shown it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known of an item. `since` is the number of the last change before its first upload began, None if none
    has begun. `is_cancelled` says whether the import is."""

    record: Record
    given: Mapping[str, Any]
    since: int | None
    is_settled: bool
    is_cancelled: bool


class Imports:
    """All methods raise RedisError."""

    def __init__(self, client: Redis, jobs: JobLog) -> None:
        self._redis, self._jobs, self._leases = client, jobs, Leases(client)
        self._take = Script(client, "take_import")
        self._begin = Script(client, "begin_import", seconds=KEPT_SECONDS)
        self._cancel = Script(client, "cancel_import", told=orjson.dumps(CANCELLED), seconds=KEPT_SECONDS)

    async def add(self, given: Sequence[Mapping[str, Any]], asked_by: str) -> Record:
        """Have items imported in somebody's name, and return the job; raises TooManyRequests."""
        waiting = await self._redis.xlen(keys.IMPORTS)
        if waiting + len(given) > WAITING_MAX:
            raise TooManyRequests(
                f"{waiting} files wait to be imported: there is room for {WAITING_MAX}.",
                "Send it again when some of them have been imported: GET /jobs/{id}.",
                _AGAIN_SECONDS,
            )
        job_id = f"{IMPORT}-{secrets.token_hex(8)}"
        record = Record(job_id, IMPORT, asked_by, {"count": len(given)}, request_id=origin.request_id.get() or job_id)
        items = {str(at): orjson.dumps(one) for at, one in enumerate(given)}
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(keys.import_items(job_id), mapping={**items, _JOB: orjson.dumps(asdict(record))})
            pipeline.expire(keys.import_items(job_id), KEPT_SECONDS)
            for at in items:
                pipeline.xadd(keys.IMPORTS, {"job": job_id, "item": at})
            self._jobs.add(pipeline, record)
            await pipeline.execute()
        return record

    async def take(self, job_id: str, item: str, owner: str) -> Noted | None:
        """Note that `owner` works on an item now, and return what is known of it; None if the import is over."""
        job, given, since, cancelled, is_settled = await self._take(
            items=keys.import_items(job_id),
            results=keys.import_results(job_id),
            item=item,
            owner=owner,
            now=timestamp(),
        )
        if job is None or given is None:
            return None
        record, number = Record(**orjson.loads(job)), int(since) if since else None
        return Noted(record, orjson.loads(given), number, bool(is_settled), cancelled is not None)

    async def begin(self, job_id: str, item: str, owner: str, since: int) -> bool:
        """Note after which change the upload of an item begins; say whether `owner` is still the one to do it.

        It is not if another process has the item by now, or if the import was cancelled.
        """
        begun = await self._begin(
            items=keys.import_items(job_id), results=keys.import_results(job_id), item=item, owner=owner, since=since
        )
        return bool(begun)

    async def cancel(self, record: Record, who: str) -> Record:
        """Cancel an import: items whose upload has not begun are not imported. Return it as it is then."""
        items, results = keys.import_items(record.id), keys.import_results(record.id)
        if await self._cancel(items=items, results=results, who=who, count=record.arguments["count"]):
            await self.end(record)
        found = await self._jobs.find(record.id) or record
        return found if found.ended else await self.current(found)

    async def delay(self, job_id: str, item: str, error: Told) -> None:
        """Note why an item has to be tried again. Its upload, if one has begun, has made nothing."""
        key = keys.import_items(job_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, f"{item}:{_ERROR}", orjson.dumps(error).decode())
            pipeline.hdel(key, f"{item}:{_SINCE}")
            await pipeline.execute()

    async def settle(self, job_id: str, item: str, told: Told) -> None:
        """Note what became of an item. The first note counts."""
        key = keys.import_results(job_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hsetnx(key, item, orjson.dumps(told).decode())
            pipeline.expire(key, KEPT_SECONDS)
            await pipeline.execute()

    async def end(self, record: Record) -> bool:
        """If all items of an import have a result, end it; return False if another process is about to do so.

        It has ended when its record says so. What was noted of its items is removed after that.
        """
        if await commands.hlen(self._redis, keys.import_results(record.id)) < record.arguments["count"]:
            return True
        token = secrets.token_hex(8)
        if not await self._leases.take(record.id, token):
            return False
        found = await self._jobs.find(record.id)
        if found is None or not found.ended:
            current = await self.current(record)
            result = {"interface": kinds.INTERFACE_VERSION, **(current.result or {})}
            is_whole = current.result is None or not current.result["cancelled_count"]
            status: Status = "done" if is_whole else "cancelled"
            ended = replace(current, status=status, ended_at=timestamp(), result=result)
            if not await self._jobs.note(ended, token):
                return False
        await self._redis.delete(keys.import_items(record.id), keys.import_results(record.id))
        await self._leases.give_up(record.id, token)
        return True

    async def current(self, record: Record) -> Record:
        """Return the record of an import that has not ended, with what is known of its items."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(keys.import_items(record.id))
            pipeline.hgetall(keys.import_results(record.id))
            noted, results = await pipeline.execute()
        if _JOB.encode() not in noted:  # It has just ended.
            return await self._jobs.find(record.id) or record
        count = record.arguments["count"]
        items = [_shown(at, noted, results) for at in range(count)]
        statuses = [one["status"] for one in items]
        ended = {f"{name}_count": statuses.count(name) for name in ("done", "failed", "cancelled")}
        result = {"count": count, **ended, "items": items}
        if cancelled := noted.get(_CANCELLED.encode()):
            record = replace(record, cancelled_by=cancelled.decode())
        began = noted.get(_BEGAN.encode())
        if began is None:
            return replace(record, result=result)
        return replace(record, status="running", started_at=began.decode(), attempts=1, result=result)


def _shown(at: int, noted: Mapping[bytes, bytes], results: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return an item as a client is shown it. What stands after the ? of an address may be a secret."""
    url = orjson.loads(noted[str(at).encode()])["url"].partition("?")[0][:_URL_SHOWN]
    if told := results.get(str(at).encode()):
        return {"index": at, "url": url, **orjson.loads(told)}
    error = noted.get(f"{at}:{_ERROR}".encode())
    if error:
        return {"index": at, "url": url, "status": "retrying", "error": orjson.loads(error)}
    status = "running" if f"{at}:{_OWNER}".encode() in noted else "waiting"
    return {"index": at, "url": url, "status": status}
