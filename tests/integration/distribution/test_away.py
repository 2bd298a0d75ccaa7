"""Nodes that are away or slow hold nobody up, and get what they lack when they are back."""

import asyncio
from collections.abc import Callable

import pytest

from services.core.state import progress
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.distribution import LONG, done, reach, write


async def test_a_change_while_a_node_is_away_is_queued_and_done_when_it_is_back(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    cache.is_down = True
    numbers = []
    for at in range(20):
        numbers.append(await write(entries, f"cat-{at % 5}"))
        async with asyncio.timeout(5):
            assert await followed.purged(numbers[-1], LONG) is False
        await reach(numbers[-1], edge)
    assert cache.position < numbers[0]
    cache.is_down = False
    assert await done(followed, numbers[-1])
    assert [cache.generation(f"/DEV/cat-{at}") for at in range(5)] == numbers[-5:]
    assert await followed.purged(await write(entries), LONG) is True
    assert cache.resets == edge.resets == 0


async def test_a_node_that_is_away_from_the_start_holds_nobody_up(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    edge.is_down = True
    async with make_worker().working():
        number = await write(entries)
        async with asyncio.timeout(5):
            assert await followed.purged(number, LONG) is False
        assert cache.position == number
        edge.is_down = False
        assert await done(followed, number)


@pytest.mark.parametrize("which", ["one", "all"])
async def test_that_a_node_is_away_is_told_as_soon_as_it_is_known(
    make_worker: Callable[[], Worker],
    followed: Progress,
    entries: Entries,
    machines: dict[str, Machine],
    cache: Machine,
    which: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "TOLD_SECONDS", 60)  # Not just because it is told again.
    async with make_worker().working():
        await followed.purged(await write(entries), LONG)
        away = [cache] if which == "one" else list(machines.values())
        for machine in away:
            machine.is_down = True
        number = await write(entries)
        async with asyncio.timeout(5):
            assert await followed.purged(number, LONG) is False
        for machine in away:
            machine.is_down = False
        assert await done(followed, number)


async def test_a_node_that_is_slow_is_waited_for_and_holds_no_other_up(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    slow = worker.nodes[cache.address]
    slow.behind.clear()
    numbers = [await write(entries) for _ in range(3)]
    await reach(numbers[-1], edge)
    assert await followed.purged(numbers[-1], 0.2) is False, "it is not known to have it"
    slow.behind.set()
    assert await followed.purged(numbers[-1], LONG) is True


async def test_it_is_said_once_that_a_node_is_away_and_once_that_it_is_back(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await followed.purged(await write(entries), LONG)
    cache.is_down = True
    number = await write(entries)
    assert await followed.purged(number, LONG) is False
    await asyncio.sleep(0.2)  # It is asked again and again meanwhile.
    cache.is_down = False
    assert await done(followed, number)
    said = [
        (record.getMessage(), record.__dict__["tada"]["node"])
        for record in caplog.records
        if record.getMessage().startswith("node_")
    ]
    assert said == [("node_away", cache.address), ("node_back", cache.address)]
