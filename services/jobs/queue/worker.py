"""The arq worker: it takes jobs from the queue. `runner` runs them.

arq counts a wait for a turn as a try, keeps the job of a dead worker for as long as the longest job may take, and does
not record the reason. So this service has its own tries, time-outs and records. Those of arq are set so that they never
come first.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson
from arq import Retry, cron
from arq.constants import in_progress_key_prefix
from arq.cron import CronJob
from arq.typing import WorkerCoroutine
from arq.worker import Function, Worker, func

from services.core.errors import StorageDown
from services.core.jobs.log import KEPT_SECONDS
from services.core.jobs.queue import EXPIRE_DUE, ORIGIN, REAP, decode, encode, pool
from services.core.observing import logs, origin, tracing
from services.core.probes.pulse import Pulse
from services.core.state import keys
from services.core.state.connection import Redis
from services.jobs.queue.kinds import JOBS, Job, Tools
from services.jobs.queue.runner import Again, Runner
from services.jobs.upkeep.expire import expire

log = logging.getLogger(__name__)

EXPIRE_AT = set(range(0, 60, 10))
HEALTH_SECONDS = 5
"""How often arq writes `tada:jobs:health-check`: at least one worker takes jobs. `Pulse` shows it for this one."""
REAP_AT = set(range(3, 60, 5))
"""Seconds of the minute."""
_POLL_SECONDS = 0.1
_IN_PROGRESS_SECONDS = 10
"""If the worker of a job gives no sign of life for so long, another one can take the job."""
_RENEW_SECONDS = 2
_NEVER = 10**9

# `runner` logs the jobs, with their ids.
logging.getLogger("arq.worker").setLevel(logging.CRITICAL)


def make_worker(client: Redis, tools: Tools, pulse: Pulse, jobs: Mapping[str, Job] = JOBS) -> Worker:
    """Return a worker for one run. `client` is its own, and the caller's to close: arq may be cancelled first.

    `pulse` beats each time that the worker has looked for jobs.
    """
    runner = Runner(tools, jobs)
    return _Worker(
        runner,
        pulse,
        functions=[_function(name, runner) for name in jobs],
        cron_jobs=_beats(tools),
        queue_name=keys.QUEUE,
        redis_pool=pool(client),
        job_serializer=encode,
        job_deserializer=decode,
        handle_signals=False,
        health_check_interval=HEALTH_SECONDS,
        poll_delay=_POLL_SECONDS,
        job_timeout=_NEVER,
        max_tries=_NEVER,
        keep_result=KEPT_SECONDS,
    )


class _Worker(Worker):
    def __init__(self, runner: Runner, pulse: Pulse, **options: Any) -> None:
        super().__init__(**options)
        self._runner, self._pulse = runner, pulse
        self.in_progress_timeout_s = _IN_PROGRESS_SECONDS
        self._renewed = 0.0

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        await super().start_jobs([job_id for job_id in job_ids if job_id.decode() not in self.tasks])

    async def heart_beat(self) -> None:
        if self.tasks and time.monotonic() - self._renewed > _RENEW_SECONDS:
            self._renewed = time.monotonic()
            async with self.pool.pipeline(transaction=False) as pipeline:
                for job_id in self.tasks:
                    pipeline.expire(in_progress_key_prefix + job_id, _IN_PROGRESS_SECONDS)
                await pipeline.execute()
        await super().heart_beat()
        self._pulse.beat()

    async def finish_failed_job(self, job_id: str, result_data: bytes | None) -> None:
        """Record a job that cannot begin: its payload is not JSON or is gone, or its name is unknown."""
        told = orjson.loads(result_data) if result_data else {}
        reason = told.get("r") or {}
        why = reason.get("message", "The job cannot be read.") if isinstance(reason, dict) else str(reason)
        if not await self._runner.lost(job_id, str(told.get("f", "")), why):
            result_data = None  # It has ended, as its record shows.
        await super().finish_failed_job(job_id, result_data)


def _function(name: str, runner: Runner) -> Function:
    async def run(ctx: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        job_id, request_id, traceparent, who = ctx["job_id"], *_origin(kwargs.pop(ORIGIN, None))
        with (
            origin.working_for(request_id or job_id),
            origin.acting_as(who or origin.of_job(name)),
            tracing.span(f"job {name}", traceparent, served=True, job=job_id),
        ):
            try:
                return await runner.run(job_id, name, {**_named(args), **kwargs}, ctx["enqueue_time"])
            except Again as again:
                raise Retry(defer=again.seconds) from again

    return func(run, name=name)


def _origin(given: object) -> tuple[str, str, str]:
    """Return the request, the trace and the sender that a job belongs to, if they are in the queue."""
    known = given if isinstance(given, dict) else {}
    return str(known.get("request_id", "")), str(known.get("traceparent", "")), str(known.get("who", ""))


def _named(args: tuple[Any, ...]) -> dict[str, Any]:
    """Give positional arguments a name that no job has: the error in the record then lists the valid names."""
    return {f"argument {number}": value for number, value in enumerate(args, 1)}


def _beats(tools: Tools) -> list[CronJob]:
    """Return a task that runs every few seconds. It is logged only if it has done something."""

    async def run_expire(ctx: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        with origin.acting_as(origin.of_job("expire")):
            _tell("expired", len(await expire(tools.entries)))

    async def run_reap(ctx: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        try:
            with origin.acting_as(origin.of_job("reap")):
                _tell("reaped", await tools.reaper.settle_all())
        except StorageDown as error:
            logs.event(log, logging.WARNING, "reap_delayed", error=error.message)

    def beat(run: WorkerCoroutine, name: str, second: set[int]) -> CronJob:
        return cron(run, name=name, second=second, run_at_startup=True, keep_result=0)

    return [beat(run_expire, EXPIRE_DUE, EXPIRE_AT), beat(run_reap, REAP, REAP_AT)]


def _tell(event: str, count: int) -> None:
    if count:
        logs.event(log, logging.INFO, event, count=count)
