"""Has the job *reduce* done once as the settings want it, from the start of a worker on.

That is after an upgrade from a version without reductions, and when REDUCTION_SIDE has changed. Meanwhile there may be
a worker of that version, which takes the job and cannot run it, or one with the setting before, which runs it in vain.
So the job is requested until it has been done as wanted. Workers with the same settings use the same ids, so there is
one such job at a time.
"""

import asyncio
import logging
from itertools import count

from redis.exceptions import RedisError

from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.state.entries import Entries
from services.core.state.reductions import Reductions, setting
from services.jobs.describe.reducer import Reducer

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 10.0


async def ask_for_reductions(entries: Entries, reducer: Reducer, queue: JobQueue, jobs: JobLog) -> None:
    """Ask for the job until it is done, and return. If Redis fails, it goes on when Redis is back."""
    numbers = count()
    job_id = _job_id(reducer, next(numbers))
    while not is_cancelled():
        try:
            if await _is_done(entries, reducer.records, reducer.side):
                return
            job = await jobs.find(job_id)
            if job is None:
                await queue.put("reduce", {}, "setting", job_id)
            elif job.ended:
                job_id = _job_id(reducer, next(numbers))
                continue
        except RedisError as error:
            logs.event(log, logging.WARNING, "reduce_delayed", error=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            await asyncio.sleep(_LOOK_SECONDS)


def _job_id(reducer: Reducer, number: int) -> str:
    return f"reduce-{setting(reducer.side).replace(' ', '-')}-{number}"


async def _is_done(entries: Entries, records: Reductions, side: int) -> bool:
    before = await records.all_made_for()
    if before == setting(side):
        return True
    # What there is none of yet, and is not wanted, is not removed.
    if (before or side) and await entries.count():
        return False
    await records.note_all_made_for(side)
    return True
