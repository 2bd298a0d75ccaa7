"""A bounded number of renders. Some run, some wait, and the rest is refused at once."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from services.core.errors import TooSlow, Unavailable
from services.transform import metrics
from services.transform.render.stop import Abandoned, Stop

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a render may take, in seconds: `waiting` for a thread, then `working` in it."""

    waiting: float = 0.5
    working: float = 10.0


class Place:
    """The right to make one render. It is held until its thread has ended, even if nobody waits for it."""

    def __init__(self, executor: ThreadPoolExecutor, patience: Patience) -> None:
        self._executor = executor
        self._patience = patience
        self.render: Future[Any] | None = None

    async def run(self, render: Callable[[Stop], Made]) -> Made:
        """Return the result of `render`, run in one of the threads.

        Raises Unavailable if no thread becomes free in time, and TooSlow if the render does not end in time. A render
        that is too slow is stopped; so is one whose caller is cancelled.
        """
        stop = Stop()

        def work() -> Made:
            with metrics.ACTIVE.track_inprogress():
                return render(stop)

        self.render = begun = self._executor.submit(copy_context().run, work)
        begun.add_done_callback(lambda _: stop.over())
        result, loop, late = asyncio.wrap_future(begun), asyncio.get_running_loop(), False

        def begun_in_time() -> None:
            nonlocal late
            # Cancelling succeeds only while no thread has begun.
            late = not begun.running() and begun.cancel()

        def too_slow() -> None:
            stop.pull(TooSlow(f"The image takes more than {self._patience.working:g} s to render.", _SMALLER))

        timers = (
            loop.call_later(self._patience.waiting, begun_in_time),
            loop.call_later(self._patience.waiting + self._patience.working, too_slow),
        )
        try:
            return await result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if late and not (task and task.cancelling()):
                raise _full("waited") from None
            raise
        finally:
            for timer in timers:
                timer.cancel()
            if not begun.done():
                stop.pull(Abandoned())


class RenderPool:
    """Threads for renders, and a place for each render that runs or waits. A place is taken before any work is done."""

    def __init__(self, threads: int, queue: int, patience: Patience) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="render")
        self._free = threads + queue
        metrics.PLACES.set(self._free)
        self._patience = patience

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Take a place for the length of the context; raises Unavailable if no place is free."""
        if self._free == 0:
            raise _full("full")
        self._free -= 1
        metrics.TAKEN.inc()
        place = Place(self._executor, self._patience)
        loop = asyncio.get_running_loop()
        try:
            yield place
        finally:
            if place.render is None or place.render.done():
                self._release()
            else:
                # The render has been told to stop. Its place is free when its thread has ended.
                place.render.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))

    def _release(self) -> None:
        self._free += 1
        metrics.TAKEN.dec()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


_SMALLER = "Ask for a smaller size, or upload a smaller image."


def _full(reason: str) -> Unavailable:
    metrics.REFUSED.labels(reason).inc()
    return Unavailable("Too many images are being rendered.", "Try again in a moment.")
