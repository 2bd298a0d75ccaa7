"""Whatever happens, in any order: no node serves what was before a change that is done."""

import random
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from tests.processes.gateway_nodes import Key, Machine, Worker
from tests.support.distribution import done, reach, write


class World:
    """A entries, an edge before a cache that store what they are answered, and all that can happen to them."""

    def __init__(self, client: Redis, entries: Entries, cache: Machine, edge: Machine, chance: random.Random) -> None:
        self.client, self.entries, self.cache, self.edge, self.chance = client, entries, cache, edge, chance
        self.workers: list[Worker] = []
        self.bases = [f"cat-{at}" for at in range(6)]
        self.changed: dict[str, int] = {}
        """Which change the catalog's content of a group is of."""
        self._stored: dict[Key, int] = {}
        self._on_their_way: list[tuple[Key, int]] = []

    async def write(self) -> int:
        base = self.chance.choice(self.bases)
        number = await write(self.entries, base)
        self.changed[f"/DEV/{base}"] = number
        return number

    def ask(self, machine: Machine, group: str, carried: int = 0, *, at_once: bool = True) -> int:
        """Return which change what a machine serves is of. It stores that now, or at any time later.

        What was stored is served only under the key that was worked out when the request began.
        """
        key = machine.key(group, carried)
        if machine.current and key in self._stored:
            return self._stored[key]
        # The catalog has every change that a node knows of: else transform does not answer.
        content = self.changed.get(group, 0)
        if machine is self.edge:
            content = self.ask(self.cache, group, machine.generation(group), at_once=at_once)
        if machine.current:
            self._on_their_way.append((key, content))
            if at_once:
                self.arrive()
        return content

    def arrive(self) -> None:
        """Store what was on its way."""
        self._stored.update(self._on_their_way)
        self._on_their_way.clear()

    def assert_fresh(self, up_to: int) -> None:
        for machine in (self.edge, self.cache):
            for group, number in self.changed.items():
                if number <= up_to:
                    assert self.ask(machine, group) >= number

    def public_asks(self) -> None:
        for base in self.bases:
            self.ask(self.edge, f"/DEV/{base}", at_once=self.chance.random() < 0.5)

    async def happens(self) -> None:
        machine, worker = self.chance.choice([self.cache, self.edge]), self.chance.choice(self.workers)
        node = worker.nodes.get(machine.address)
        match self.chance.choice(
            ["down", "up", "up", "save", "restart", "lose", "trim", "freeze", "freeze behind", "thaw", "thaw", "arrive"]
        ):
            case "down":
                machine.is_down = True
            case "up":
                machine.is_down = False
            case "save":
                machine.save()
            case "restart":
                machine.restart()
            case "lose":
                machine.lose_file()
            case "trim":
                await self.client.xtrim(keys.CHANGES, maxlen=self.chance.randrange(1, 8), approximate=False)
            case "freeze" if node:
                node.before.clear()
            case "freeze behind" if node:
                node.behind.clear()
            case "thaw":
                for one in worker.all_nodes:
                    one.thaw()
            case "arrive":
                self.arrive()

    def calms_down(self) -> None:
        for machine in (self.cache, self.edge):
            machine.is_down = False
        for worker in self.workers:
            for node in worker.all_nodes:
                node.thaw()


@pytest.mark.parametrize("seed", range(12))
async def test_after_a_change_that_is_done_no_node_serves_what_was_before_whatever_happens(
    make_worker: Callable[[], Worker],
    followed: Progress,
    client: Redis,
    entries: Entries,
    cache: Machine,
    edge: Machine,
    seed: int,
) -> None:
    world, dones = World(client, entries, cache, edge, random.Random(seed)), 0
    async with AsyncExitStack() as stack:
        for _ in range(50):
            if len(world.workers) < 2 or (len(world.workers) < 4 and world.chance.random() < 0.05):
                world.workers.append(make_worker())
                await stack.enter_async_context(world.workers[-1].working())
            for _ in range(world.chance.randrange(3)):
                await world.happens()
            world.public_asks()
            number = await world.write()
            world.public_asks()
            if await followed.purged(number, world.chance.choice([0, 0.02, 0.1])):
                dones += 1
                world.assert_fresh(up_to=number)
        world.calms_down()
        last = await world.write()
        assert await done(followed, last)
        world.arrive()
        world.assert_fresh(up_to=last)
        await reach(last, cache, edge)
        world.assert_fresh(up_to=last)
    assert dones
