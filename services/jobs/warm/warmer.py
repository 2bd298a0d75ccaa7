"""Has renditions made before they are asked for: the forms that WARM names, of each asset that has a new file.

An asset waits in the memory of the worker that has described it. What a worker forgets when it ends is made when it is
asked for; the job *warm* makes up for it.
"""

import asyncio
import heapq
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from services.core.assets.entries import Entry
from services.core.observing import logs
from services.core.state import entry_json
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import ChangeLog
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs import metrics
from services.jobs.warm.edge import Edge
from services.jobs.warm.forms import Asked, Form
from services.jobs.writers_first import let_writers_pass

log = logging.getLogger(__name__)

WAITING_MAX = 10_000
"""Assets that wait. What comes then is left to its visitors."""
PATIENCE_SECONDS = 5.0
"""How long each asset waits for uploads."""
CLOCK_SECONDS = 1.0
"""How long after its date an asset is warmed: the clocks of the services that deliver it may be behind."""
_LOOK_SECONDS = 60.0
_PURGE_SECONDS = 20.0
_AGAIN_SECONDS = 0.5


class Warmer:
    """Asks the edge for `forms`. With none it does nothing."""

    def __init__(
        self, entries: Entries, changes: ChangeLog, progress: Progress, edge: Edge, forms: Sequence[Form]
    ) -> None:
        self._entries, self._changes, self._progress, self._edge = entries, changes, progress, edge
        self.forms = forms
        self._waiting: dict[str, None] = {}
        self._hidden: list[tuple[float, str]] = []
        """A heap of assets that are not visible yet: when to warm each, as seconds since the epoch, and its key."""
        self._news = asyncio.Event()

    def soon(self, entry_key: str) -> None:
        """Warm an asset when there is time. One that waits already keeps its place."""
        if not self.forms or entry_key in self._waiting:
            return
        if len(self._waiting) >= WAITING_MAX:
            metrics.WARMED.labels(metrics.DROPPED).inc(len(self.forms))
            return
        self._waiting[entry_key] = None
        self._tell()

    async def run(self) -> None:
        """Warm what waits, one asset after the other, until cancelled. If Redis goes away, it continues later."""
        while not is_cancelled():
            entry_key = await self._next()
            try:
                await let_writers_pass(self._changes, PATIENCE_SECONDS)
                # A change from here on makes it wait again.
                self._waiting.pop(entry_key)
                raw = await self._entries.raw(entry_key)
                entry = entry_json.read(raw) if raw else None
                if entry and not self._keeps_for_later(entry):
                    await self.warm(entry)
            except RedisError as error:
                logs.event(log, logging.WARNING, "warming_delayed", error=str(error))
                self._waiting.setdefault(entry_key)
                await asyncio.sleep(_AGAIN_SECONDS)
            finally:
                self._tell()

    async def warm(self, entry: Entry) -> dict[Form, list[Asked]]:
        """Have all forms of an asset made; return what became of each at each node. Raises RedisError."""
        latest = await self._changes.latest()
        if latest:
            # Before a node has the change, it would keep them as copies of the state before. Nodes that are away get it
            # when they are back, and serve nothing until then.
            await self._progress.purged(latest.number, _PURGE_SECONDS)
        async with asyncio.TaskGroup() as group:
            tasks = {form: group.create_task(self._edge.warm(form, entry.unique_name)) for form in self.forms}
        found = {form: task.result() for form, task in tasks.items()}
        counts: dict[str, Any] = Counter(str(asked.outcome) for nodes in found.values() for asked in nodes)
        for outcome, count in counts.items():
            metrics.WARMED.labels(outcome).inc(count)
        logs.event(log, logging.INFO, "warmed", asset=entry.unique_name, **counts)
        return found

    async def _next(self) -> str:
        """Return the key of the asset that is next; wait until there is one."""
        while True:
            while self._hidden and self._hidden[0][0] <= time.time():
                self.soon(heapq.heappop(self._hidden)[1])
            if self._waiting:
                return next(iter(self._waiting))
            pause = min(self._hidden[0][0] - time.time(), _LOOK_SECONDS) if self._hidden else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    def _keeps_for_later(self, entry: Entry) -> bool:
        """Say whether an asset is not visible yet. Then it is kept until it is, if there is room."""
        now, start = time.time(), entry.visible_at
        if start is None or entry.is_visible(now) or entry.is_expired(now):
            return False
        if len(self._hidden) < WAITING_MAX:
            heapq.heappush(self._hidden, (start + CLOCK_SECONDS, entry.key))
        else:
            metrics.WARMED.labels(metrics.DROPPED).inc(len(self.forms))
        return True

    def _tell(self) -> None:
        metrics.WARM_WAITING.labels("upload").set(len(self._waiting))
        if self._waiting:
            self._news.set()
        else:
            self._news.clear()
