"""Work that nobody waits for lets writes go first: clients wait for them."""

import asyncio
import time

from services.core.state.changes import ChangeLog, EntryDescribed, age

_QUIET_SECONDS = 0.1


async def let_writers_pass(log_of_changes: ChangeLog, seconds: float) -> None:
    """Wait while entries are being written, but not for ever."""
    for _ in range(round(seconds / _QUIET_SECONDS)):
        latest = await log_of_changes.latest()
        if latest is None or isinstance(latest, EntryDescribed) or age(latest.number, time.time()) >= _QUIET_SECONDS:
            return
        await asyncio.sleep(_QUIET_SECONDS)
