"""The queue of jobs: how a service requests one. arq keeps and delivers it; nothing in it is pickled."""

import secrets
from collections.abc import Mapping
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


class JobQueue:
    def __init__(self, client: Redis, log: JobLog) -> None:
        self._pool, self._log = pool(client), log

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
