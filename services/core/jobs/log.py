"""A record of every job, kept for a week: who requested it, its status, and its result or error.

Only the run that has the lease of a job writes its record. A worker that was taken for dead cannot change it any more.
While no run has the lease, who cancels the job writes it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, get_args

import orjson
from redis.asyncio.client import Pipeline

from services.core.assets.entries import timestamp
from services.core.errors import NotFound, TadaError
from services.core.jobs.safe_points import Cancelled
from services.core.state import channel, keys
from services.core.state.connection import Redis
from services.core.state.script import Script

KEPT_SECONDS = 7 * 24 * 3600
LOG_MAX = 10_000
"""Jobs in the log. If there are more in a week, the oldest are dropped."""
_BATCH = 100
_LOOK_SECONDS = 1.0

Status = Literal["queued", "running", "retrying", "done", "stopped", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
_State = Literal["running", "waiting", "ended"]
_STATES: Mapping[Status, _State] = {
    "queued": "waiting",
    "running": "running",
    "retrying": "waiting",
    "done": "ended",
    "stopped": "ended",
    "failed": "ended",
    "cancelled": "ended",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One job. `asked_by` is the name of a token, `schedule`, or `queue` for another program that used arq itself.

    `attempts` counts the runs that were begun, without those that a worker handed back because it had to stop. A
    `stopped` job has ended before it did its work, because that could do harm: its result says why. While a job waits
    to be tried again, `error` is that of the last attempt and `retry_at` the moment of the next. `request_id` is that
    of the request which asked for it, the job's own id without one; log lines of its runs have it. `cancelled_by` is
    the name of the token that has cancelled it. A `cancelled` job has done what its result says: if that is None,
    nothing that is known.
    """

    id: str
    name: str
    asked_by: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "queued"
    queued_at: str = field(default_factory=timestamp)
    started_at: str | None = None
    ended_at: str | None = None
    retry_at: str | None = None
    attempts: int = 0
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    request_id: str = ""
    cancelled_by: str | None = None

    @property
    def ended(self) -> bool:
        return _STATES[self.status] == "ended"


class JobLog:
    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._write = Script(
            client, "job", log=keys.JOB_LOG, channel=keys.JOBS_ENDED, seconds=KEPT_SECONDS, log_max=LOG_MAX
        )
        self._cancel = Script(client, "cancel_job", channel=keys.JOBS_ENDED, queue=keys.QUEUE, seconds=KEPT_SECONDS)
        self._waiting: dict[asyncio.Event, str] = {}

    def following(self) -> AbstractAsyncContextManager[None]:
        """Listen for jobs that end while the context is open: `wait` then returns at once."""
        return channel.heard(self._redis, keys.JOBS_ENDED, self._take)

    async def get(self, job_id: str) -> Record:
        """Return the record of a job; raises NotFound."""
        found = await self.find(job_id)
        if found is None:
            raise unknown_job(job_id)
        return found

    async def find(self, job_id: str) -> Record | None:
        raw: bytes | None = await self._redis.get(keys.job(job_id))
        return Record(**orjson.loads(raw)) if raw else None

    async def several(self, ids: Sequence[str]) -> list[Record | None]:
        """Return the records of some jobs, None for each without one."""
        raws = await self._redis.mget([keys.job(job_id) for job_id in ids]) if ids else []
        return [Record(**orjson.loads(raw)) if raw else None for raw in raws]

    async def latest(self) -> AsyncIterator[Record]:
        """Yield all jobs, the latest first."""
        at = 0
        while ids := await self._redis.zrevrange(keys.JOB_LOG, at, at + _BATCH - 1):
            for record in await self.several([job_id.decode() for job_id in ids]):
                if record:
                    yield record
            at += len(ids)

    async def note(self, record: Record, token: str = "") -> bool:
        """Write a record; say whether it was written.

        Without the token of a run, the record is that of a job that was just put into the queue; a record that its
        worker has written since then stays. Any status but `running` ends the run's lease. A final status wakes those
        who wait. Raises Cancelled if the job would wait for its next run although it is cancelled.
        """
        asked_at = datetime.fromisoformat(record.queued_at).timestamp()
        written = await self._write(
            record=keys.job(record.id),
            lease=keys.lease(record.id),
            cancelled=keys.job_cancelled(record.id),
            id=record.id,
            token=token,
            told=orjson.dumps(asdict(record)),
            asked_at=asked_at,
            state=_STATES[record.status],
        )
        if written == b"cancelled":
            raise Cancelled
        return bool(written == b"written")

    async def cancel(self, job_id: str, who: str) -> Record:
        """Cancel a job, and return it as it is then; raises NotFound.

        One that waits has ended then, and never begins. One that runs stops at its next safe point. One that has ended
        already stays as it is.
        """
        while True:
            raw: bytes | None = await self._redis.get(keys.job(job_id))
            if raw is None:
                raise unknown_job(job_id)
            record = Record(**orjson.loads(raw))
            if record.ended:
                return record
            ended = replace(record, status="cancelled", ended_at=timestamp(), retry_at=None, cancelled_by=who)
            outcome = await self._cancel(
                record=keys.job(job_id),
                lease=keys.lease(job_id),
                cancelled=keys.job_cancelled(job_id),
                id=job_id,
                expected=raw,
                told=orjson.dumps(asdict(ended)),
                who=who,
                now=int(time.time() * 1000),
            )
            if outcome == b"ended":
                return ended
            if outcome == b"asked":
                return replace(record, cancelled_by=await self.canceller(job_id) or who)

    async def canceller(self, job_id: str) -> str | None:
        """Return who has cancelled a job that has not ended, None if nobody has."""
        return (await self.cancellers([job_id])).get(job_id)

    async def cancellers(self, ids: Sequence[str]) -> dict[str, str]:
        """Return who has cancelled which of some jobs that have not ended."""
        names = await self._redis.mget([keys.job_cancelled(job_id) for job_id in ids]) if ids else []
        return {job_id: name.decode() for job_id, name in zip(ids, names, strict=True) if name}

    @staticmethod
    def add(pipeline: Pipeline, record: Record) -> None:
        """Write the record of a new job in the same step as what else is in the pipeline."""
        pipeline.set(keys.job(record.id), orjson.dumps(asdict(record)), ex=KEPT_SECONDS)
        pipeline.zadd(keys.JOB_LOG, {record.id: datetime.fromisoformat(record.queued_at).timestamp()})

    async def wait(self, job_id: str, seconds: float) -> Record:
        """Return a job when it has ended, or as it is after `seconds`; raises NotFound."""
        deadline = time.monotonic() + seconds
        ended = asyncio.Event()
        self._waiting[ended] = job_id
        try:
            while True:
                ended.clear()  # Before it is read: what ends later sets it again.
                record = await self.get(job_id)
                left = deadline - time.monotonic()
                if record.ended or left <= 0:
                    return record
                # Messages are lost while Redis is away.
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                        await ended.wait()
        finally:
            del self._waiting[ended]

    def _take(self, job_id: bytes) -> None:
        for ended, waited_for in self._waiting.items():
            if waited_for == job_id.decode():
                ended.set()


def unknown_job(job_id: str) -> NotFound:
    return NotFound(f"No job {job_id} is known.", "GET /jobs lists those of the last week.")


def told(error: BaseException) -> dict[str, Any]:
    """Return an error as a record has it. `status` is the status that an HTTP answer would have."""
    if isinstance(error, TadaError):
        return {**error.public(), "status": error.status}
    return {"code": "internal_error", "message": f"{type(error).__name__}: {error}", "status": 500}
