"""Doubles of nginx nodes that take changes as gateway/nginx/tada/generations.lua does, for tests of what sends them."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from services.core.state.connection import Redis
from services.jobs.purge.distribution import Distributor
from services.jobs.purge.node import Batch, Gap, NodeAway

Key = tuple[str, int, int, str]
"""Of a stored copy: the machine's address, its salt, the generation, the group."""
_salts = itertools.count(1)


@dataclass(slots=True)
class _State:
    """What a node knows; its file has what it knew at some time."""

    salt: int = field(default_factory=lambda: next(_salts))
    position: int = 0
    epoch: int = 0
    raised: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "_State":
        return _State(self.salt, self.position, self.epoch, dict(self.raised))


class Machine:
    """One nginx: it outlives the connections to it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.state, self.current = _State(), False
        self.batches: list[Batch] = []
        """All that it was sent, whether it took it or not."""
        self.gone: list[str] = []
        self.is_down = False
        self._file: _State | None = None

    @property
    def position(self) -> int:
        return self.state.position

    @property
    def resets(self) -> int:
        return sum(batch.since is None for batch in self.batches)

    def generation(self, group: str) -> int:
        return max(self.state.raised.get(group, 0), self.state.epoch)

    def key(self, group: str, carried: int = 0) -> "Key":
        """Return the key of the one form of a group; `carried` is the generation that the tier before has sent."""
        return self.address, self.state.salt, max(self.generation(group), carried), group

    def save(self) -> None:
        self._file = self.state.copy()

    def restart(self) -> None:
        """Come back with what was saved, or with nothing."""
        self.state, self.current = self._file.copy() if self._file else _State(), False

    def lose_file(self) -> None:
        self._file = None

    def answer(self) -> None:
        if self.is_down:
            raise NodeAway(f"{self.address} is down")

    def apply(self, batch: Batch) -> int:
        self.answer()
        self.batches.append(batch)
        state = self.state
        if batch.since is None:
            state, self.current = _State(), False
            self.state = state
        elif batch.since > state.position:
            raise Gap
        for line in "".join(batch.lines).splitlines():
            number, kind, what = line.split(" ")
            if kind == "gone":
                if int(number) > state.position:
                    self.gone.append(what)
            elif what == "*":
                state.epoch = max(state.epoch, int(number))
            else:
                state.raised[what] = max(state.raised.get(what, 0), int(number))
        state.position = max(state.position, batch.to)
        if batch.is_last:
            self.current = True
        return state.position


class FakeNode:
    """What one worker has of a machine. While `before` or `behind` is not set, what is `held` stays on that side of it.

    So a worker looks that is frozen when it has read what it will send, or before it has read the answer.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.address = machine, machine.address
        self.before, self.behind = asyncio.Event(), asyncio.Event()
        self.thaw()
        self.held: Callable[[Batch], bool] = lambda batch: True
        self.held_up = asyncio.Event()
        self.closed = False

    def thaw(self) -> None:
        self.before.set()
        self.behind.set()

    async def position(self) -> int:
        await asyncio.sleep(0)
        self.machine.answer()
        return self.machine.position

    async def apply(self, batch: Batch) -> int:
        await self._pass(self.before, batch)
        position = self.machine.apply(batch)
        await self._pass(self.behind, batch)
        return position

    async def _pass(self, side: asyncio.Event, batch: Batch) -> None:
        if not side.is_set() and self.held(batch):
            self.held_up.set()
            await side.wait()

    def close(self) -> None:
        self.closed = True


class Names:
    """The DNS, in place of the system's: which addresses a name has. It answers while it `may_answer`."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, host: str, port: int | str, **_: Any) -> list[Any]:
        self.asked += 1
        await self.may_answer.wait()
        if not self.known.get(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        number = 80 if port == "http" else port
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, number)) for address in self.known[host]]


class Worker:
    """A distributor with connections of its own."""

    def __init__(self, client: Redis, names: Sequence[str], machines: dict[str, Machine]) -> None:
        self.nodes: dict[str, FakeNode] = {}
        """The last connection to each machine, by its address."""
        self.all_nodes: list[FakeNode] = []
        self._machines = machines
        self.distributor = Distributor(client, names, self._connect)

    def _connect(self, address: str) -> FakeNode:
        made = self.nodes[address] = FakeNode(self._machines[address])
        self.all_nodes.append(made)
        return made

    @asynccontextmanager
    async def working(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.distributor.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
