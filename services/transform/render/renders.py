"""Renditions on demand. Requests for the same one at the same time share one render; it ends early if all have left."""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from services.core import clients
from services.core.assets.entries import Entry
from services.core.errors import TadaError, TooManyRequests
from services.core.observing import logs, tracing
from services.transform import metrics
from services.transform.render import cost, guard, pipeline
from services.transform.render.allowance import Allowance
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan, Rendered
from services.transform.render.pool import Place, RenderPool
from services.transform.render.sources import Sources
from services.transform.render.stop import Stop

log = logging.getLogger(__name__)

Wish = tuple[str, str, str, Plan]


@dataclass(slots=True)
class _Flight:
    """One render under way. It belongs to no single request: it ends early only when all that wait for it have left."""

    place: Place
    task: asyncio.Task[Rendered]
    waiting: Counter[str] = field(default_factory=Counter)
    """Requests that wait, by client."""


class Renders:
    """Makes renditions of entries, within the bounds of a pool and of what a client and an asset may cost."""

    def __init__(self, sources: Sources, pool: RenderPool, limits: Limits, allowance: Allowance) -> None:
        self._sources, self._pool, self._limits, self._allowance = sources, pool, limits, allowance
        self._flights: dict[Wish, _Flight] = {}

    async def get(self, entry: Entry, plan: Plan, client: str = clients.UNKNOWN) -> Rendered:
        """Return a rendition of an entry's signed bytes; `client` is who asks.

        Raises Undecodable if the bytes cannot be rendered, Unavailable if there is too much to do, TooManyRequests if
        the client or the asset has cost too much, and whatever reading the stored bytes raises.
        """
        wish = (entry.uuid, entry.storage_key, entry.signature, plan)
        flight = self._flights.get(wish)
        if flight is None:
            flight = self._begin(wish, entry, plan, client)
        else:
            metrics.COALESCED.inc()
            if not flight.place.turn.done():
                late = self._allowance.judge(client, entry.uuid, 0, time.monotonic()).late
                self._pool.join(flight.place, client, late=late)
        flight.waiting[client] += 1
        try:
            await self._pool.turn(flight.place)
            return await asyncio.shield(flight.task)
        finally:
            self._left(wish, flight, client)

    def _begin(self, wish: Wish, entry: Entry, plan: Plan, client: str) -> _Flight:
        try:
            guard.check_size(entry.size, self._limits)
            place = self._enter(entry, plan, client)
        except TadaError as error:
            metrics.RENDERS.labels(plan.format, metrics.result_of(error)).inc()
            raise
        flight = self._flights[wish] = _Flight(place, asyncio.create_task(self._make(entry, plan, place)))
        flight.task.add_done_callback(partial(self._landed, wish, place))
        return flight

    def _enter(self, entry: Entry, plan: Plan, client: str) -> Place:
        """Take a place in the pool, as far as the budgets allow."""
        verdict = self._allowance.judge(client, entry.uuid, self._pool.seconds_of(client), time.monotonic())
        if verdict.retry_after:
            metrics.REFUSED.labels("spent").inc()
            raise TooManyRequests(
                "Too many new forms of images are asked for.",
                "Forms that are cached are still delivered. Ask for fewer sizes, or for smaller ones.",
                verdict.retry_after,
            )
        source = cost.Source(entry.stored_type, entry.size, entry.width or 0, entry.height or 0)
        return self._pool.enter(cost.estimate(source, plan, self._limits), client, late=verdict.late)

    def _left(self, wish: Wish, flight: _Flight, client: str) -> None:
        """Note that a request waits no more; a render that nobody waits for ends."""
        flight.waiting[client] -= 1
        if not flight.waiting[client]:
            del flight.waiting[client]
            self._pool.leave(flight.place, client)
        if not flight.waiting and not flight.task.done():
            # Forgotten first: a request that comes now must not wait for a render that is being cancelled.
            self._forget(wish, flight.task)
            flight.task.cancel()

    def _landed(self, wish: Wish, place: Place, task: asyncio.Task[Rendered]) -> None:
        self._forget(wish, task)
        self._pool.close(place)
        if not task.cancelled():
            task.exception()  # Who waited has the error. Without this line, asyncio would log it once more.

    def _forget(self, wish: Wish, task: asyncio.Task[Rendered]) -> None:
        if wish in self._flights and self._flights[wish].task is task:
            del self._flights[wish]

    async def _make(self, entry: Entry, plan: Plan, place: Place) -> Rendered:
        try:
            rendered = await self._rendered(entry, plan, place)
        except BaseException as error:
            # Who waited for a turn that will not come has left, so the render was cancelled.
            metrics.RENDERS.labels(plan.format, metrics.result_of(place.refusal or error)).inc()
            raise
        metrics.RENDERS.labels(plan.format, "ok").inc()
        return rendered

    async def _rendered(self, entry: Entry, plan: Plan, place: Place) -> Rendered:
        started = time.perf_counter()
        with tracing.part("render", format=plan.format, size=f"{plan.width}x{plan.height}"):
            content = await self._sources.ahead(entry, plan, place)
            await place.wait()
            self._allowance.spend(place.client, entry.uuid, place.ticket.cost, time.monotonic())
            read = await self._sources.reader(entry, plan, content)
            rendered = await place.run(lambda stop: _timed(read(), plan, self._limits, stop))
        logs.event(
            log,
            logging.INFO,
            "rendered",
            asset=entry.unique_name,
            size=f"{plan.width}x{plan.height}",
            media_type=rendered.media_type,
            bytes=len(rendered.content),
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return rendered


def _timed(source: bytes, plan: Plan, limits: Limits, stop: Stop) -> Rendered:
    with metrics.RENDER_SECONDS.labels(plan.format, metrics.size_class(plan)).time():
        return pipeline.render(source, plan, limits, stop)
