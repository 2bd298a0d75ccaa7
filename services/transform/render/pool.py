"""Threads for renders, and the queue in front of them.

So many threads render whatever comes. One more is for work that is much cheaper than what runs: it is used while all
others are taken. So no small form waits for the end of an AVIF, and no cheap render for the end of a dear one, even
where there is one thread: they share the processor. Dear renders never have all threads.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from services.core.errors import Unavailable
from services.transform import metrics
from services.transform.render.deadline import deadline
from services.transform.render.queue import FairQueue, Ticket
from services.transform.render.stop import Abandoned, Stop

Made = TypeVar("Made")

CHEAP_SECONDS = 1.0
"""What costs more is dear. Most forms that pages have cost less, whatever their source (docs/rendering.md)."""
BESIDE = 0.25
"""What is made beside a render costs such a part of it at most. It would wait for several times its own work."""
_RETRY_AFTER = (2, 30)
"""Seconds, at least and at most."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a render may take, in seconds: `waiting` for its turn, then `working` in a thread."""

    waiting: float = 15.0
    working: float = 10.0


class Place:
    """The right to make one render: first to wait for a turn, then to use a thread until the render has ended."""

    def __init__(self, pool: "RenderPool", ticket: Ticket) -> None:
        self._pool = pool
        self.ticket = ticket
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the turn has come; it has an error when it will not come."""
        self.client = ""
        """Whose turn it was."""
        self.since = math.inf
        """When the turn came (monotonic)."""
        self.beside = False
        """Whether the thread is the additional one."""
        self.render: Future[Any] | None = None

    @property
    def is_cheap(self) -> bool:
        return self.ticket.cost <= CHEAP_SECONDS

    @property
    def refusal(self) -> BaseException | None:
        """The error for which the turn will not come."""
        return self.turn.exception() if self.turn.done() and not self.turn.cancelled() else None

    async def wait(self) -> None:
        """Wait for the turn; raises Unavailable if it will not come."""
        await asyncio.shield(self.turn)

    async def run(self, render: Callable[[Stop], Made]) -> Made:
        """Return the result of `render`, run in one of the threads, when the turn has come.

        Raises TooSlow if the render does not end in time: it is stopped. So is one whose caller is cancelled.
        """
        stop = Stop()

        def work() -> Made:
            with metrics.ACTIVE.track_inprogress():
                return render(stop)

        self.render = begun = self._pool.submit(copy_context().run, work)
        begun.add_done_callback(lambda _: stop.over())
        end_limit = self._pool.limit(stop)
        try:
            return await asyncio.wrap_future(begun)
        finally:
            end_limit()
            if not begun.done():
                stop.pull(Abandoned())


class RenderPool:
    """Places for renders: `threads` of them have a turn, others wait; `queue` is how many seconds of work may wait."""

    def __init__(self, threads: int, queue: float, patience: Patience) -> None:
        self.patience = patience
        self._executor = ThreadPoolExecutor(threads + 1, thread_name_prefix="render")
        self._threads = self._free = threads
        self._queue = FairQueue(queue)
        self._waiting: dict[Ticket, Place] = {}
        self._running: set[Place] = set()
        self._beside: Place | None = None
        self._beside_seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None
        metrics.QUEUE_LIMIT.set(queue)

    def seconds_of(self, client: str) -> float:
        """Return the seconds of work that a client waits for."""
        return self._queue.seconds_of(client)

    def enter(self, cost: float, client: str, *, late: bool = False) -> Place:
        """Take a place for a render of so many seconds; raises Unavailable if there is none. It has to be closed."""
        # None takes longer, as it is stopped then.
        ticket = Ticket(min(cost, self.patience.working))
        if self._free:
            place = Place(self, ticket)
            metrics.TAKEN.inc()
            self._begin(place, client)
            return place
        leaving = self._queue.add(ticket, client, late=late)
        if leaving is None:
            raise self.full("full")
        for each in leaving:
            self._waiting.pop(each).turn.set_exception(self.full("pushed"))
        place = self._waiting[ticket] = Place(self, ticket)
        metrics.TAKEN.inc()
        self._dispatch()
        return place

    def join(self, place: Place, client: str, *, late: bool = False) -> None:
        """Let another client wait for the turn of a place."""
        if place.ticket in self._waiting:
            self._queue.join(place.ticket, client, late=late)

    def leave(self, place: Place, client: str) -> None:
        """Let a client wait no more, while others do."""
        if place.ticket in self._waiting and len(place.ticket.clients) > 1:
            self._queue.leave(place.ticket, client)

    async def turn(self, place: Place) -> None:
        """Wait for a turn as long as a request does; raises Unavailable if it does not come."""
        if not place.turn.done():
            began = time.monotonic()
            done, _ = await asyncio.wait([place.turn], timeout=self.patience.waiting)
            metrics.WAITED.labels("cheap" if place.is_cheap else "dear").observe(time.monotonic() - began)
            if not done:
                raise self.full("waited")
        if place.refusal:
            raise place.refusal

    def close(self, place: Place) -> None:
        """Give a place back. If its render still runs, it is free when its thread has ended."""
        metrics.TAKEN.dec()
        if self._waiting.pop(place.ticket, None):
            self._queue.remove(place.ticket)
            metrics.QUEUED.set(self._queue.seconds)
        place.turn.cancel()
        if place.since == math.inf:
            return
        if place.render is None or place.render.done():
            self._release(place)
        else:
            loop = asyncio.get_running_loop()
            place.render.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release, place))

    def submit(self, work: Callable[..., Made], *arguments: Any) -> Future[Made]:
        return self._executor.submit(work, *arguments)

    def limit(self, stop: Stop) -> Callable[[], None]:
        """Stop a render when its time is over; return what ends this."""
        before = self._shared()
        return deadline(stop, self.patience.working, lambda: self._shared() - before)

    def full(self, reason: str) -> Unavailable:
        """Return the error for a render that is refused, and count it."""
        metrics.REFUSED.labels(reason).inc()
        error = Unavailable("Too many images are being rendered.", "Try again in a moment.")
        least, most = _RETRY_AFTER
        error.retry_after = min(max(math.ceil(self._queue.seconds / self._threads), least), most)
        return error

    def shutdown(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _dispatch(self) -> None:
        while self._free and (found := self._queue.take()):
            self._begin_waiting(*found)
        if self._queue.count and self._beside is None:
            if found := self._queue.take(self._cost_beside()):
                self._begin_waiting(*found, beside=True)
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(CHEAP_SECONDS, self._look)
        metrics.QUEUED.set(self._queue.seconds)

    def _look(self) -> None:
        self._timer = None
        self._dispatch()

    def _cost_beside(self) -> float:
        """Return what a render may cost that is made beside those that run."""
        now = time.monotonic()
        # What has run for so long is dear, whatever was estimated.
        costs = (math.inf if now - place.since >= CHEAP_SECONDS else place.ticket.cost for place in self._running)
        return min(BESIDE * max(costs), CHEAP_SECONDS)

    def _begin_waiting(self, client: str, ticket: Ticket, *, beside: bool = False) -> None:
        self._begin(self._waiting.pop(ticket), client, beside=beside)

    def _begin(self, place: Place, client: str, *, beside: bool = False) -> None:
        place.client, place.beside, place.since = client, beside, time.monotonic()
        if beside:
            self._beside = place
        else:
            self._free -= 1
            self._running.add(place)
        place.turn.set_result(None)

    def _release(self, place: Place) -> None:
        if place.beside:
            self._beside_seconds = self._shared()
            self._beside = None
        else:
            self._free += 1
            self._running.remove(place)
        self._dispatch()

    def _shared(self) -> float:
        """Return for how long the additional thread has been used, in seconds."""
        return self._beside_seconds + (time.monotonic() - self._beside.since if self._beside else 0.0)
