"""The arq worker and its jobs. The only module of the service that imports arq."""

import logging
from typing import Any

import orjson
from arq import cron
from arq.connections import RedisSettings
from arq.worker import Worker

from services.core import logs
from services.core.catalog import Catalog
from services.core.errors import StorageDown
from services.core.storage import Storage
from services.jobs.expire import expire
from services.jobs.reap import reap

log = logging.getLogger(__name__)

QUEUE = "tada:jobs"
EXPIRE_AT = set(range(0, 60, 10))
HEALTH_SECONDS = 5
"""How often the worker says that it lives, under `tada:jobs:health-check`."""
REAP_AT = set(range(3, 60, 5))
"""Seconds of the minute."""


def make_worker(redis_address: str, catalog: Catalog, storage: Storage) -> Worker:
    """Return a worker for one run; each job runs once however many workers there are."""

    async def run_expire(ctx: dict[str, Any]) -> dict[str, int]:
        return _told("expired", await expire(catalog))

    async def run_reap(ctx: dict[str, Any]) -> dict[str, int]:
        try:
            return _told("reaped", await reap(catalog, storage))
        except StorageDown as error:
            logs.event(log, logging.WARNING, "reap_delayed", error=error.message)
            return {"reaped": 0}

    return Worker(
        cron_jobs=[
            cron(run_expire, name="expire", second=EXPIRE_AT, run_at_startup=True, keep_result=0),
            cron(run_reap, name="reap", second=REAP_AT, run_at_startup=True, keep_result=0),
        ],
        queue_name=QUEUE,
        redis_settings=RedisSettings.from_dsn(redis_address),
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        handle_signals=False,
        health_check_interval=HEALTH_SECONDS,
    )


def _told(event: str, count: int) -> dict[str, int]:
    if count:
        logs.event(log, logging.INFO, event, count=count)
    return {event: count}
