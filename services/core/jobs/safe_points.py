"""Where a run of a job may stop because somebody has cancelled the job: between two items.

The worker looks every half second whether its job is cancelled. The job asks at each of its safe points. If it has
something to tell of what is done until then, it ends with that (`reached`). Otherwise it raises Cancelled (`check`). A
job that has no safe point left comes to its end: it is done then, not cancelled.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

from redis.exceptions import RedisError

_LOOK_SECONDS = 0.5


class Cancelled(Exception):
    """The job was cancelled, and has changed nothing that its result would tell."""


@dataclass(slots=True)
class Run:
    """One run of a job: whether it is to stop, and whether it does."""

    is_cancelled: bool = False
    stops: bool = False


_run: ContextVar[Run | None] = ContextVar("run", default=None)


@asynccontextmanager
async def watched(look: Callable[[], Awaitable[bool]]) -> AsyncIterator[Run]:
    """Take `reached` and `check` in this context as those of one run; `look` says whether its job is cancelled."""
    run = Run()

    async def watch() -> None:
        while not run.is_cancelled:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(RedisError):  # Without Redis the run loses its lease.
                run.is_cancelled = await look()

    watching = asyncio.create_task(watch())
    reset = _run.set(run)
    try:
        yield run
    finally:
        _run.reset(reset)
        watching.cancel()


def reached() -> bool:
    """Say at a safe point whether the run must end here, with what is done until now; always False outside of a run."""
    run = _run.get()
    if run is None or not run.is_cancelled:
        return False
    run.stops = True
    return True


def check() -> None:
    """Raise Cancelled at a safe point where nothing is to be told, if the run must end here."""
    if reached():
        raise Cancelled
