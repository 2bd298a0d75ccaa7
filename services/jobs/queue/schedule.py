"""When the daily jobs are due. Every worker requests them; they run once because all workers use the same id."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cronsim import CronSim
from redis.exceptions import RedisError

from services.core.jobs.queue import JobQueue
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.jobs.settings import NEVER, JobsSettings

log = logging.getLogger(__name__)

CATCH_UP = timedelta(hours=1)
"""If a job was missed because no worker ran, it is run later within this time."""
_LOOK_SECONDS = 5.0


def schedule(settings: JobsSettings) -> dict[str, str]:
    """Return the cron expression of each job that runs by itself: the setting `{job}_cron`."""
    expressions = {name.removesuffix("_cron"): value for name, value in settings if name.endswith("_cron")}
    return {name: expression for name, expression in expressions.items() if expression != NEVER}


def last_due(expression: str, now: datetime) -> datetime | None:
    """Return the last moment that a cron expression names, None if it is too long ago."""
    moment = next(CronSim(expression, now + timedelta(microseconds=1), reverse=True))
    return moment if timedelta() <= now - moment < CATCH_UP else None


def next_due(expression: str, now: datetime) -> datetime:
    """Return the next moment that a cron expression names."""
    return next(CronSim(expression, now))


def job_id(name: str, due: datetime) -> str:
    """Return the id of a scheduled run, such as `sync-20261125T0315`."""
    return f"{name}-{due:%Y%m%dT%H%M}"


async def keep(queue: JobQueue, expressions: Mapping[str, str]) -> None:
    """Request each job when it is due, until cancelled."""
    asked: set[str] = set()
    while not is_cancelled():
        now = datetime.now(UTC)
        due = {name: last_due(expression, now) for name, expression in expressions.items()}
        ids = {job_id(name, moment): name for name, moment in due.items() if moment}
        asked &= ids.keys()
        for found in ids.keys() - asked:
            try:
                await queue.put(ids[found], {}, "schedule", found)
            except RedisError as error:
                logs.event(log, logging.WARNING, "schedule_delayed", job=found, error=str(error))
            else:
                asked.add(found)
        await asyncio.sleep(_LOOK_SECONDS)
