"""Renditions on demand. Requests for the same one at the same time share one render; it ends early if all have left."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.core.assets.entries import Entry
from services.core.observing import logs, tracing
from services.core.state.rate_limits import StorageGuard
from services.core.storage import Storage
from services.core.storage.base import reads_in_thread
from services.core.storage.verification import verified
from services.transform import metrics
from services.transform.render import guard, pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan, Rendered
from services.transform.render.pool import RenderPool
from services.transform.render.stop import Stop

log = logging.getLogger(__name__)

Wish = tuple[str, str, str, Plan]


@dataclass(slots=True)
class _Flight:
    """One render under way. It belongs to no single request: it ends early only when all that wait for it have left."""

    task: asyncio.Task[Rendered]
    waiting: int = 0


class Renders:
    """Makes renditions of entries, within the bounds of a pool."""

    def __init__(self, storage: Storage, reads: StorageGuard, pool: RenderPool, limits: Limits) -> None:
        self._storage, self._reads, self._pool, self._limits = storage, reads, pool, limits
        self._flights: dict[Wish, _Flight] = {}

    async def get(self, entry: Entry, plan: Plan) -> Rendered:
        """Return a rendition of an entry's signed bytes.

        Raises Undecodable if the bytes cannot be rendered, Unavailable if there is too much to do, and whatever reading
        the stored bytes raises.
        """
        wish = (entry.uuid, entry.storage_key, entry.signature, plan)
        flight = self._flights.get(wish)
        if flight is None:
            flight = self._flights[wish] = _Flight(asyncio.create_task(self._make(entry, plan)))
            flight.task.add_done_callback(partial(self._landed, wish))
        else:
            metrics.COALESCED.inc()
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                # Forgotten first: a request that comes now must not wait for a render that is being cancelled.
                self._forget(wish, flight.task)
                flight.task.cancel()

    async def _work(self, entry: Entry, plan: Plan) -> Callable[[Stop], Rendered]:
        """Return the render as one piece of work for a thread: each change of threads costs as much as a read."""
        read = self._storage.read_in_thread if reads_in_thread(self._storage) else None
        content = b"" if read else await self._storage.read(entry.stored)

        def work(stop: Stop) -> Rendered:
            source = verified(entry, read(entry.stored) if read else content)
            return _timed(source, plan, self._limits, stop)

        return work

    def _landed(self, wish: Wish, task: asyncio.Task[Rendered]) -> None:
        self._forget(wish, task)
        if not task.cancelled():
            task.exception()  # Who waited has the error. Without this line, asyncio would log it once more.

    def _forget(self, wish: Wish, task: asyncio.Task[Rendered]) -> None:
        if wish in self._flights and self._flights[wish].task is task:
            del self._flights[wish]

    async def _make(self, entry: Entry, plan: Plan) -> Rendered:
        try:
            rendered = await self._rendered(entry, plan)
        except BaseException as error:
            metrics.RENDERS.labels(plan.format, metrics.result_of(error)).inc()
            raise
        metrics.RENDERS.labels(plan.format, "ok").inc()
        return rendered

    async def _rendered(self, entry: Entry, plan: Plan) -> Rendered:
        started = time.perf_counter()
        guard.check_size(entry.size, self._limits)
        with self._pool.place() as place:
            await self._reads.pass_one(entry.uuid)
            with tracing.part("render", format=plan.format, size=f"{plan.width}x{plan.height}"):
                rendered = await place.run(await self._work(entry, plan))
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
