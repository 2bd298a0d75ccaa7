"""Several workers side by side: one that ends, is frozen in the middle, or is late."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.distribution import LONG, for_a_while, frozen, log_many, reach, write
from tests.support.waits import eventually


async def test_two_workers_side_by_side_do_no_harm(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    latest: dict[str, int] = {}
    async with make_worker().working(), make_worker().working():
        for at in range(100):
            name = f"cat-{at % 7}"
            latest[name] = await write(entries, name)
            if at % 3 == 0:
                assert await followed.purged(latest[name], LONG) is True
                for machine in (cache, edge):
                    assert machine.generation(f"/DEV/{name}") == latest[name]
        assert await followed.purged(max(latest.values()), LONG) is True
    for machine in (cache, edge):
        assert {name: machine.generation(f"/DEV/{name}") for name in latest} == latest
        assert machine.resets == 0


async def test_the_next_worker_goes_on_where_one_has_ended(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    numbers = []
    for at in range(5):
        numbers.append(await write(entries, f"cat-{at}"))
        async with make_worker().working():
            assert await followed.purged(numbers[-1], LONG) is True
        numbers.append(await write(entries, f"meanwhile-{at}"))
    async with make_worker().working():
        assert await followed.purged(numbers[-1], LONG) is True
    for machine in (cache, edge):
        assert [machine.generation(f"/DEV/meanwhile-{at}") for at in range(5)] == numbers[1::2]
        assert machine.resets == 0


async def test_what_a_worker_sends_that_was_frozen_between_two_nodes_does_no_harm(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    first, second = make_worker(), make_worker()
    latest: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.working())
        assert await followed.purged(await write(entries), LONG) is True

        async def change() -> None:
            latest["cat-0"] = await write(entries, "cat-0")

        await frozen(first, edge, change, held=lambda batch: bool(batch.lines))
        await reach(latest["cat-0"], cache)
        assert edge.position < latest["cat-0"]
        assert await followed.purged(latest["cat-0"], 0.1) is False, "no other worker is there"
        await stack.enter_async_context(second.working())
        assert await followed.purged(latest["cat-0"], LONG) is True
        for at in range(50):
            latest[f"cat-{at % 5}"] = await write(entries, f"cat-{at % 5}")
        last = latest["cat-4"]
        await reach(last, cache, edge)
        assert await followed.purged(last, LONG) is True
        first.nodes[edge.address].before.set()
        await for_a_while(lambda: edge.position == cache.position == last)
        for machine in (cache, edge):
            assert {name: machine.generation(f"/DEV/{name}") for name in latest} == latest
            assert machine.resets == 0
        # Both go on together.
        assert await followed.purged(await write(entries), LONG) is True


async def test_a_late_new_beginning_of_a_worker_that_was_frozen_is_healed(
    make_worker: Callable[[], Worker], followed: Progress, client: Redis, entries: Entries, cache: Machine
) -> None:
    first, second = make_worker(), make_worker()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.working())
        old = await log_many(client, 20)
        assert await followed.purged(old[-1], LONG) is True
        await client.xtrim(keys.CHANGES, maxlen=10, approximate=False)

        async def lose() -> None:
            cache.lose_file()
            cache.restart()

        await frozen(first, cache, lose, held=lambda batch: batch.since is None)
        assert cache.position == 0
        await stack.enter_async_context(second.working())
        new = [await write(entries, f"cat-{at}") for at in range(10)]
        await reach(new[-1], cache)
        assert cache.resets == 1
        first.nodes[cache.address].before.set()

        async def has_begun_anew() -> bool:
            return cache.resets == 2

        await eventually(has_begun_anew)
        await reach(new[-1], cache)
        assert [cache.generation(f"/DEV/cat-{at}") for at in range(10)] == new
        assert [cache.generation(f"/DEV/{number}") for number in old[-10:]] == old[-10:]
        await for_a_while(lambda: cache.resets == 2)
        assert await followed.purged(await write(entries), LONG) is True


async def test_a_worker_whose_node_has_answered_and_that_was_frozen_then_goes_on(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    first, second = make_worker(), make_worker()
    async with first.working(), second.working():
        await followed.purged(await write(entries), LONG)
        node = first.nodes[cache.address]
        node.behind.clear()
        number = await write(entries)
        assert await followed.purged(number, LONG) is True, "the other one knows"
        async with asyncio.timeout(5):
            await node.held_up.wait()
        numbers = [await write(entries, f"cat-{at}") for at in range(20)]
        await reach(numbers[-1], cache, edge)
        node.behind.set()
        assert await followed.purged(await write(entries), LONG) is True
    assert cache.resets == edge.resets == 0
