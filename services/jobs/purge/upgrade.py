"""While an installation is upgraded, services of the previous version may still run beside this one.

Their catalog services write changes to another stream, which has no generations. So each of their changes makes
everything stale, until the last of these services has been replaced.
"""

import asyncio
import logging

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import changes, keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.script import Script

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


async def keep_adopting(client: Redis) -> None:
    """Look for such changes until cancelled."""
    adopt = Script(
        client,
        "adopt",
        before=keys.CHANGES_BEFORE,
        changes=keys.CHANGES,
        revision=keys.REVISION,
        kept=changes.KEPT,
    )
    while not is_cancelled():
        try:
            if await adopt():
                logs.event(log, logging.WARNING, "changes_adopted", change="catalog")
        except RedisError as error:
            logs.event(log, logging.WARNING, "redis_down", error=str(error))
        await asyncio.sleep(_LOOK_SECONDS)
