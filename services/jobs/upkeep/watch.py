"""Checks regularly whether the catalog seems lost, and reports it in the log and in a metric."""

import asyncio
import logging

from redis.exceptions import RedisError

from services.core.dumps.loss import signs_of_loss
from services.core.errors import StorageDown
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.storage import ObjectMissing
from services.jobs import metrics
from services.jobs.queue.kinds import Tools

log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0
_SAY_AGAIN = 60
"""Number of checks between two log lines about the same loss: an hour."""


async def keep_watching(tools: Tools, seconds: float = _LOOK_SECONDS) -> None:
    """Check every `seconds`, until cancelled.

    The bytes of a first upload are there before its entry, so a sign that only one check has seen is not reported.
    """
    looks = 0
    while not is_cancelled():
        try:
            signs = await signs_of_loss(tools.entries, tools.storage, tools.dumps)
        except (StorageDown, RedisError):
            signs = None  # Other alerts report that; it is not known now whether the catalog was lost.
        except ObjectMissing:
            signs = None  # A folder was removed while its files were listed. The next check sees what is left.
        looks = looks + 1 if signs else 0
        metrics.LOST.set(looks > 1)
        if looks % _SAY_AGAIN == 2:
            logs.event(log, logging.ERROR, "catalog_empty", beside=signs, hint="GET /catalog/dumps lists the dumps.")
        await asyncio.sleep(seconds)
