"""Looks now and then whether the catalog seems to have been lost, and says so in the log and in a metric."""

import asyncio
import logging

from redis.exceptions import RedisError

from services.core.dumps.loss import signs_of_loss
from services.core.errors import StorageDown
from services.core.observing import logs
from services.jobs import metrics
from services.jobs.queue.kinds import Tools

log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0
_SAY_AGAIN = 60
"""Looks between two lines of the log about the same loss: an hour."""


async def keep_watching(tools: Tools, seconds: float = _LOOK_SECONDS) -> None:
    """Look every so many seconds, until cancelled.

    The bytes of a first upload are there before its entry: what only one look has seen is not said.
    """
    looks = 0
    while True:
        try:
            signs = await signs_of_loss(tools.entries, tools.storage, tools.dumps)
        except (StorageDown, RedisError):
            signs = None  # Alerts of their own say that; whether it was lost cannot be known now.
        looks = looks + 1 if signs else 0
        metrics.LOST.set(looks > 1)
        if looks % _SAY_AGAIN == 2:
            logs.event(log, logging.ERROR, "catalog_empty", beside=signs, hint="GET /catalog/dumps lists the dumps.")
        await asyncio.sleep(seconds)
