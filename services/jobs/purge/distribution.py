"""Sends every change to every node of the gateway, and tells those who wait for that.

The log of changes is read by position, and each node says which position it has. So a node is sent the changes that it
lacks, many in one request, until it has all. Nothing is kept for a node that is away, and it delays no other node. Any
number of workers do this in parallel: a node takes only what is new to it, even if a frozen worker sends old changes
later.

If the log does not have the position of a node, the node begins again: it is sent the whole log, and serves nothing
that it had stored. This happens if the node has lost its file, was away for too long, or if Redis has another log.
"""

import asyncio
import logging
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from redis.exceptions import RedisError

from services.core.observing import logs, origin, tracing
from services.core.state import changes, progress
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import CatalogReplaced, Change, ChangeLog, EntryDescribed
from services.core.state.connection import BLOCK, Redis
from services.core.state.progress import Reached
from services.jobs import metrics
from services.jobs.purge.addresses import UnknownName, resolve
from services.jobs.purge.node import Batch, Gap, Node, NodeAway
from services.jobs.purge.recent import Recent, lines

log = logging.getLogger(__name__)

AT_ONCE = 2000
"""Changes in one request to a node, and in one answer of Redis."""
AGAIN_SECONDS = 0.25
"""How often a node that is away is asked again. For so long it may show the old state when it is back."""
ASK_SECONDS = 1.0
"""How often an up-to-date node is asked. It takes so long to notice a node that has lost its changes."""
NAMES_SECONDS = 1.0
"""How often names are looked up. It takes so long to notice a new node. Until a worker has reached it, it serves
nothing from its cache."""
REMEMBERED = 1000
"""Positions of each node of which it is known when it took them."""
_REST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when a node does not answer, as seconds since 1970, and why."""

    since: float
    why: str


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a worker knows of a node. `name` is what it was configured as; `position` is 0 if it is not known."""

    name: str
    address: str
    position: int
    absence: Absence | None
    taken_at: float | None
    """When it took the change that was asked for, as seconds since 1970; None if it has not, or if this worker does not
    know."""


@dataclass(slots=True)
class _Kept:
    """The state of a node: its position (0: not known yet), when it took its last positions, and whether it can be
    reached."""

    name: str
    node: Node
    task: asyncio.Task[None] | None = None
    position: int = 0
    is_known: bool = False
    taken: deque[tuple[int, float | None]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    absence: Absence | None = None

    @property
    def reachable(self) -> bool:
        return self.absence is None

    def note(self, position: int) -> None:
        """Note that it has answered with its position. When it took the first one, it did not say."""
        self.is_known = True
        if position != self.position:
            if position < self.position:
                self.taken.clear()  # It began again.
            self.taken.append((position, time.time() if self.taken else None))
            self.position = position

    def taken_at(self, change: int) -> float | None:
        at = bisect_left(self.taken, change, key=lambda taken: taken[0])
        return self.taken[at][1] if at < len(self.taken) and (at or self.taken[0][0] == change) else None


class Distributor:
    """Sends changes to the nodes that `names` stand for; `connect` makes a node from an address."""

    def __init__(self, client: Redis, names: Sequence[str], connect: Callable[[str], Node]) -> None:
        self._redis, self._log = client, ChangeLog(client)
        self._names, self._connect = names, connect
        self._recent = Recent()
        self._nodes: dict[str, _Kept] = {}
        self._addresses: dict[str, list[str]] = {}
        self._unknown: dict[str, Absence] = {}
        self._knows_names = False
        self._told = progress.NOWHERE
        self._noted = 0

    async def run(self) -> None:
        """Work until cancelled. If Redis goes away, the work continues when it is back."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_keep_on(self._follow_log))
                group.create_task(_keep_on(self._follow_names))
                group.create_task(_keep_on(self._tell_again))
        finally:
            for kept in self._nodes.values():
                _end(kept)

    def nodes(self, change: int) -> list[NodeState] | None:
        """Return what is known of each node; and of each name that leads to none, as of a node. `change` is one of
        which is wanted when each node took it. None if this worker has just begun, and has not heard of all nodes yet.
        """
        if not self._knows_names or not all(kept.is_known or kept.absence for kept in self._nodes.values()):
            return None
        unknown = [NodeState(name, name, 0, absence, None) for name, absence in self._unknown.items()]
        known = [
            NodeState(kept.name, address, kept.position, kept.absence, kept.taken_at(change))
            for address, kept in self._nodes.items()
        ]
        return [*unknown, *known]

    @property
    def newest(self) -> int:
        """The number of the last change that is known; 0 if none is."""
        return self._recent.newest

    # The log

    async def _follow_log(self) -> None:
        latest = await self._log.latest()
        if latest and not self._recent.newest:
            # Older changes are sent to nodes that lack them, and are not announced again.
            await self._recent.add([latest])
            self._noted = latest.number
        while not is_cancelled():
            newest = self._recent.newest
            found = await self._log.from_(newest, AT_ONCE)
            if newest and (not found or found[0].number != newest):
                # The log was emptied, has lost its end in a failover, or grew faster than it is read.
                self._recent.forget()
                return
            news = found[1:] if newest else found
            if news:
                await self._recent.add(news)
            else:
                await self._log.wait_after(newest, BLOCK)

    # The nodes

    async def _follow_names(self) -> None:
        while not is_cancelled():
            unknown = {}
            for name in self._names:
                try:
                    self._addresses[name] = await resolve(name)
                except UnknownName as error:
                    # The nodes may work while only the name server is away: they still get changes.
                    unknown[name] = self._unknown.get(name) or Absence(time.time(), str(error))
                    if name not in self._unknown:
                        logs.event(log, logging.ERROR, "node_away", node=name, error=str(error))
            self._unknown = unknown
            addresses = {address: name for name in self._names for address in self._addresses.get(name, [])}
            for address in self._nodes.keys() - addresses.keys():
                _end(self._nodes.pop(address))
            self._knows_names = True
            for address, name in addresses.items():
                if address not in self._nodes:
                    kept = self._nodes[address] = _Kept(name, self._connect(address))
                    kept.task = asyncio.create_task(_keep_on(partial(self._keep, kept)))
            await asyncio.sleep(NAMES_SECONDS)

    async def _keep(self, kept: _Kept) -> None:
        """Keep a node up to date."""
        while not is_cancelled():
            try:
                position = await kept.node.position()
                while not is_cancelled():
                    batch = await self._batch_after(kept.node, position)
                    position = await kept.node.apply(batch)
                    await self._note(kept, position)
                    if batch.is_last:
                        await self._recent.newer_than(position, ASK_SECONDS)
            except Gap:
                continue  # It was restarted, and has an earlier position.
            except NodeAway as error:
                if kept.reachable:
                    logs.event(log, logging.ERROR, "node_away", node=kept.node.address, error=str(error))
                    kept.absence = Absence(time.time(), str(error))
                await self._tell()
                await asyncio.sleep(AGAIN_SECONDS)

    async def _batch_after(self, node: Node, position: int) -> Batch:
        """Return the next changes for a node at a position."""
        if batch := self._recent.after(position, AT_ONCE):
            return batch
        found = await self._log.from_(position, AT_ONCE + 1)
        if found and found[0].number == position:
            return _batch(position, position, found[1:], is_last=len(found) <= AT_ONCE)
        begun = position == 0 and await self._log.is_whole()
        if not begun:
            metrics.RESETS.inc()
            logs.event(log, logging.WARNING, "node_reset", node=node.address, position=position)
            found = await self._log.from_(0, AT_ONCE)
        return _batch(0 if begun else None, 0, found, is_last=len(found) < AT_ONCE)

    async def _note(self, kept: _Kept, position: int) -> None:
        kept.note(position)
        if not kept.reachable:
            kept.absence = None
            logs.event(log, logging.INFO, "node_back", node=kept.node.address)
        self._count_nodes()
        await self._tell()

    def _count_nodes(self) -> None:
        reachable = sum(kept.reachable for kept in self._nodes.values())
        metrics.NODES.labels("current").set(reachable)
        metrics.NODES.labels("away").set(len(self._nodes) + len(self._unknown) - reachable)

    # Those who wait

    def _reached(self) -> Reached:
        nodes = self._nodes.values()
        logged = self._recent.newest
        if not self._knows_names:
            return Reached(logged, 0, 0)
        reachable = min((kept.position for kept in nodes if kept.reachable), default=logged)
        away = [kept.position for kept in nodes if not kept.reachable] + [0 for _ in self._unknown]
        # No more than this worker has read: a position in another log says nothing about this one.
        reachable = min(reachable, logged)
        return Reached(logged, min([reachable, *away]), reachable)

    async def _tell(self, *, again: bool = False) -> None:
        reached = self._reached()
        if not again and (reached.everywhere, reached.reachable) == (self._told.everywhere, self._told.reachable):
            return
        self._told = reached
        await progress.tell(self._redis, reached)
        purged, now = self._recent.between(self._noted, reached.reachable), time.time()
        self._noted = max(min(self._noted, reached.logged), reached.reachable)
        for change in purged:
            _note_purged(change, change.number <= reached.everywhere, now)

    async def _tell_again(self) -> None:
        while not is_cancelled():
            await asyncio.sleep(progress.TOLD_SECONDS)
            await self._tell(again=True)
            self._count_nodes()
            lacking = self._recent.between(self._told.everywhere, self._recent.newest)
            metrics.CHANGES.set(len(lacking))
            metrics.OLDEST_CHANGE.set(changes.age(lacking[0].number, time.time()) if lacking else 0)


def _batch(since: int | None, position: int, found: Sequence[Change], *, is_last: bool) -> Batch:
    to = found[-1].number if found else position
    return Batch(since, to, is_last, [lines(change) for change in found])


def _note_purged(change: Change, everywhere: bool, now: float) -> None:
    """Count a change that all reachable nodes have, and log it with the id of its request."""
    match change:
        case CatalogReplaced():
            what = "catalog"
        case EntryDescribed():
            what = change.uuid
        case _:
            what = change.unique_name
    lag = changes.age(change.number, now)
    metrics.PURGES.labels("done" if everywhere else "queued").inc()
    metrics.PURGE_LAG.observe(lag)
    with origin.working_for(change.request_id), tracing.span("purge", change.traceparent, change=str(change.number)):
        logs.event(log, logging.INFO, "purged", asset=what, everywhere=everywhere, ms=round(lag * 1000, 1))


async def _keep_on(work: Callable[[], Awaitable[None]]) -> None:
    """Repeat one kind of work, independently of the others.

    A failure of one does not cancel the others: in a process that was frozen, redis-py may treat a cancellation as its
    own time-out, and waiting for that work would never end.
    """
    while not is_cancelled():
        try:
            await work()
        except RedisError as error:
            logs.event(log, logging.WARNING, "redis_down", error=str(error))
        if not is_cancelled():
            await asyncio.sleep(_REST_SECONDS)


def _end(kept: _Kept) -> None:
    if kept.task:
        kept.task.cancel()
    kept.node.close()
