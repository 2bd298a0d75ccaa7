"""Runs a job: by one worker at a time, with a record, with retries if they may help, and with a time limit."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from services.core.assets.entries import timestamp
from services.core.errors import JobCancelled, TadaError, TookTooLong, Unreadable, WorkerDied
from services.core.jobs import kinds, run_progress, safe_points
from services.core.jobs.log import JobLog, Record, Status, told
from services.core.jobs.safe_points import Cancelled
from services.core.observing import logs, origin
from services.core.state.leases import LeaseLost, Leases
from services.jobs import metrics
from services.jobs.queue.kinds import STOPPED, Job, Tools

log = logging.getLogger(__name__)

_ALONE = "alone"
_TURN_SECONDS = 0.5
"""Seconds after which a waiting job tries again to get its turn."""
_FIRST_PAUSE, _PAUSE_FACTOR, _LONGEST_PAUSE = 1.0, 3.0, 600.0
"""Seconds before a job is tried again: 1, 3, 9, … ; eight attempts take about 16 minutes."""


class Again(Exception):
    """The job goes back to the queue for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


def pause_after(error: Exception, attempt: int, allowed: int) -> float | None:
    """Return the seconds before the next attempt, None if there is no next attempt. The seconds are random, so workers
    do not all retry at once."""
    if attempt >= allowed or isinstance(error, TookTooLong) or (isinstance(error, TadaError) and error.status < 500):
        return None
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * _PAUSE_FACTOR ** (attempt - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


class Runner:
    def __init__(self, tools: Tools, jobs: Mapping[str, Job]) -> None:
        self._tools, self._jobs = tools, jobs
        self._log, self._leases = JobLog(tools.client), Leases(tools.client)

    async def run(self, job_id: str, name: str, given: Mapping[str, Any], queued: datetime) -> dict[str, Any]:
        """Run a job that was taken from the queue, and return its result.

        Raises Again if the job stays in the queue, its error if it has failed finally, JobCancelled if somebody has
        cancelled it, and CancelledError if it was handed back.
        """
        job, token = self._jobs[name], f"{self._tools.process.name} {secrets.token_hex(8)}"
        held = [job_id, *([_ALONE] if job.alone else [])]
        try:
            for what in reversed(held):
                if not await self._leases.take(what, token):
                    raise Again(_TURN_SECONDS)
            record = await self._log.find(job_id) or _new(job_id, name, given, queued)
            return await self._next(record, held, token)
        except (RedisError, LeaseLost) as error:
            logs.event(log, logging.WARNING, "job_interrupted", job=job_id, error=str(error) or "lease lost")
            raise Again(_FIRST_PAUSE) from error
        finally:
            for what in held:
                with suppress(RedisError):  # It ends by itself then.
                    await self._leases.give_up(what, token)

    async def lost(self, job_id: str, name: str, why: str) -> bool:
        """Record that a job cannot be run at all; say whether it had not ended before."""
        token = secrets.token_hex(8)
        # The lease first: without it, somebody could cancel the job between the look and the note.
        if not await self._leases.take(job_id, token):
            return False
        record = await self._log.find(job_id) or Record(job_id, name, "queue")
        if record.ended:
            await self._leases.give_up(job_id, token)
            return False
        error = told(Unreadable(why))
        logs.event(log, logging.ERROR, "job_failed", job=job_id, error=why)
        noted = await self._log.note(replace(record, status="failed", ended_at=timestamp(), error=error), token)
        await self._give_up(record)
        return noted

    async def _next(self, record: Record, held: list[str], token: str) -> dict[str, Any]:
        """Do what is next for a job: mostly an attempt, but it may have ended."""
        job = self._jobs[record.name]
        if record.status in ("done", "stopped"):  # The worker died before it could remove it from the queue.
            return dict(record.result or {})
        if record.status == "failed":
            await self._give_up(record)
            raise _failed_before(record)
        if record.status == "cancelled":  # While it waited.
            await self._clear_cancelled(record)
            raise JobCancelled(record.cancelled_by)
        if who := await self._log.canceller(record.id):  # Its worker has died since then.
            await self._end_cancelled(record, None, token)
            raise JobCancelled(who)
        if record.status == "running":
            died = WorkerDied(f"The worker that ran it died or lost Redis {record.attempts} times.")
            record = replace(record, error=told(died))
            if record.attempts >= job.attempts:
                await self._fail(record, died, token)
                raise died
        try:
            return await self._attempt(record, held, token)
        except Cancelled:
            record = await self._end_cancelled(await self._log.get(record.id), None, token)
            raise JobCancelled(record.cancelled_by) from None

    async def _attempt(self, before: Record, held: list[str], token: str) -> dict[str, Any]:
        """Run a job once; raises Cancelled if it stops without a result, or would be tried again."""
        job = self._jobs[before.name]
        record = replace(before, status="running", started_at=timestamp(), retry_at=None, attempts=before.attempts + 1)
        await self._note(record, token)
        started = time.monotonic()
        metrics.JOB_LAG.labels(record.name).observe(_seconds_since(before.queued_at))
        try:
            arguments = kinds.parse(record.name, record.arguments)
            async with (
                self._leases.kept(held, token),
                run_progress.noted(self._tools.client, record.id),
                safe_points.watched(partial(self._is_cancelled, record.id)) as run,
            ):
                result = await _within(job.seconds, job.run(self._tools, arguments))
        except asyncio.CancelledError:
            metrics.JOBS.labels(record.name, "interrupted").inc()
            with suppress(RedisError, LeaseLost):
                await self._hand_back(before, record, token)
            raise
        except LeaseLost:
            metrics.JOBS.labels(record.name, "interrupted").inc()
            raise
        except Cancelled:
            raise
        except Exception as error:
            metrics.JOB_SECONDS.labels(record.name).observe(time.monotonic() - started)
            pause = pause_after(error, record.attempts, job.attempts)
            if pause is None:
                await self._fail(record, error, token)
                raise
            retry_at = timestamp(datetime.now(UTC) + timedelta(seconds=pause))
            await self._note(replace(record, status="retrying", retry_at=retry_at, error=told(error)), token)
            metrics.JOBS.labels(record.name, "retrying").inc()
            logs.event(log, logging.WARNING, "job_retrying", job=record.id, error=str(error), at=retry_at)
            raise Again(pause) from error
        result = {"interface": kinds.INTERFACE_VERSION, **result, "seconds": round(time.monotonic() - started, 3)}
        if run.stops:
            ended = await self._end_cancelled(record, result, token)
            raise JobCancelled(ended.cancelled_by)
        why = result.get(STOPPED)
        status: Status = "done" if why is None else "stopped"
        await self._note(replace(record, status=status, ended_at=timestamp(), result=result, error=None), token)
        metrics.JOB_SECONDS.labels(record.name).observe(result["seconds"])
        metrics.JOBS.labels(record.name, status).inc()
        if why is None:
            metrics.JOB_SUCCESS.labels(record.name).set_to_current_time()
            logs.event(log, logging.INFO, "job_done", job=record.id, seconds=result["seconds"])
        else:
            metrics.JOB_STOP.labels(record.name).set_to_current_time()
            logs.event(log, logging.ERROR, "job_stopped", job=record.id, why=why)
        return result

    async def _is_cancelled(self, job_id: str) -> bool:
        return await self._log.canceller(job_id) is not None

    async def _hand_back(self, before: Record, record: Record, token: str) -> None:
        """Let the next worker run a job from where this one was, unless somebody has cancelled it."""
        try:
            await self._note(replace(before, status="queued"), token)
        except Cancelled:
            await self._end_cancelled(record, None, token)

    async def _end_cancelled(self, record: Record, result: Mapping[str, Any] | None, token: str) -> Record:
        """Record that a job was cancelled, with what it has done if that is known; return the record."""
        ended = replace(
            record,
            status="cancelled",
            ended_at=timestamp(),
            retry_at=None,
            result=result,
            cancelled_by=await self._log.canceller(record.id),
        )
        await self._note(ended, token)
        await self._clear_cancelled(ended)
        return ended

    async def _clear_cancelled(self, record: Record) -> None:
        metrics.JOBS.labels(record.name, "cancelled").inc()
        logs.event(log, logging.INFO, "job_cancelled", job=record.id, by=record.cancelled_by)
        if record.result is None:
            await self._give_up(record)

    async def _fail(self, record: Record, error: Exception, token: str) -> None:
        await self._note(replace(record, status="failed", ended_at=timestamp(), error=told(error)), token)
        metrics.JOBS.labels(record.name, "failed").inc()
        traceback = None if isinstance(error, TadaError) else error
        logs.event(log, logging.ERROR, "job_failed", exc_info=traceback, job=record.id, error=str(error))
        await self._give_up(record)

    async def _give_up(self, record: Record) -> None:
        job = self._jobs.get(record.name)
        if job and job.given_up:
            await job.given_up(self._tools, record.arguments)

    async def _note(self, record: Record, token: str) -> None:
        if not await self._log.note(record, token):
            raise LeaseLost


def _new(job_id: str, name: str, given: Mapping[str, Any], queued: datetime) -> Record:
    """Return a new record for a job without one: another program put it into the queue."""
    return Record(job_id, name, "queue", given, queued_at=timestamp(queued), request_id=origin.request_id.get())


def _failed_before(record: Record) -> TadaError:
    said = record.error or {}
    error = TadaError(said["message"], said.get("hint"))
    error.code, error.status = said["code"], said["status"]
    return error


async def _within(seconds: float, work: Any) -> dict[str, Any]:
    try:
        async with asyncio.timeout(seconds) as limit:
            result: dict[str, Any] = await work
            return result
    except TimeoutError:
        if limit.expired():
            raise TookTooLong(f"The job took more than {seconds:g} s.", "Find out what delays it.") from None
        raise


def _seconds_since(moment: str) -> float:
    return max(0.0, time.time() - datetime.fromisoformat(moment).timestamp())
