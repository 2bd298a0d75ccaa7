"""The queue of jobs: how a service requests one. arq keeps and delivers it; nothing in it is pickled."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from arq.connections import ArqRedis

from services.core.jobs import kinds
from services.core.jobs.log import JobLog, Record, told
from services.core.observing import origin
from services.core.state import keys
from services.core.state.connection import Redis

ORIGIN = "tada_origin"
"""The argument in the queue with the request, the trace and the sender that a job belongs to; other programs need not
give it."""

BEATS = EXPIRE_DUE, REAP = ("expire_due", "reap")
"""What a worker does every few seconds. arq puts it into the queue, too, but nobody has asked for it."""
_LOOKED_AT = 1000


def encode(value: Any) -> bytes:
    """Serialise what arq keeps in Redis; an error becomes its record."""
    return orjson.dumps(value, default=_said)


def decode(raw: bytes) -> Any:
    return orjson.loads(raw)


def pool(client: Redis) -> ArqRedis:
    """Return arq's view of a connection to Redis."""
    return ArqRedis(
        client.connection_pool, job_serializer=encode, job_deserializer=decode, default_queue_name=keys.QUEUE
    )


@dataclass(frozen=True, slots=True)
class Queued:
    """What is in the queue: jobs that wait, and those that run. `oldest` is when the first one that waits was asked
    for, None if none waits, or if that is not known."""

    waiting: int
    running: int
    oldest: str | None


class JobQueue:
    def __init__(self, client: Redis, log: JobLog) -> None:
        self._pool, self._log = pool(client), log

    async def state(self) -> Queued:
        """Return what is in the queue, as far as its first jobs show; raises RedisError."""
        found = [job_id.decode() for job_id in await self._pool.zrange(keys.QUEUE, 0, _LOOKED_AT - 1)]
        ids = [job_id for job_id in found if job_id.partition(":")[0] not in BEATS]
        records = [record for record in await self._log.several(ids) if record]
        running = sum(record.status == "running" for record in records)
        ended = sum(record.ended for record in records)  # A worker takes them out.
        count = await self._pool.zcard(keys.QUEUE) - len(found) + len(ids) - ended
        waiting = (record for record in records if not record.ended and record.status != "running")
        oldest = min((record.queued_at for record in waiting), default=None)
        return Queued(count - running, running, oldest)

    async def put(self, name: str, given: Mapping[str, Any], asked_by: str, job_id: str = "") -> Record:
        """Request a job and return it. If its id is known already, nothing is requested.

        Raises NotFound, BadRequest and NoDumpName (see kinds.parse), and RedisError.
        """
        arguments = kinds.parse(name, given).model_dump(exclude_unset=True)
        job_id = job_id or f"{name}-{secrets.token_hex(8)}"
        passed_on = origin.passed_on()
        passed_on["request_id"] = passed_on["request_id"] or job_id
        passed_on["who"] = passed_on["who"] or origin.of_job(name)
        record = Record(job_id, name, asked_by, arguments, request_id=passed_on["request_id"])
        await self._pool.enqueue_job(name, _job_id=job_id, **{**arguments, ORIGIN: passed_on})
        await self._log.note(record)
        return record

    async def has(self, job_id: str) -> bool:
        """Say whether a job waits or runs; raises RedisError."""
        return await self._pool.zscore(keys.QUEUE, job_id) is not None


def _said(error: object) -> dict[str, Any]:
    if isinstance(error, BaseException):
        return told(error)
    raise TypeError(f"{type(error).__name__} is not JSON")
