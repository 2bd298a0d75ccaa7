"""Names that stand for several nodes, and the name server."""

import asyncio
from collections.abc import Callable

import pytest

from services.core.state.entries import Entries
from services.core.state.progress import Progress
from tests.processes.gateway_nodes import Machine, Names, Worker
from tests.support.distribution import LONG, done, reach, write
from tests.support.waits import eventually


async def test_every_address_of_a_name_is_a_node(
    worker: Worker, followed: Progress, entries: Entries, dns: Names, machines: dict[str, Machine]
) -> None:
    await followed.purged(await write(entries), LONG)
    third = machines["http://127.0.0.4:80"]
    dns.known["edge"] = ["127.0.0.3", "127.0.0.4"]

    async def is_known() -> bool:
        return third.address in worker.nodes

    await eventually(is_known)
    number = await write(entries)
    assert await followed.purged(number, LONG) is True
    assert third.position == number
    third.is_down = True
    assert await followed.purged(await write(entries), LONG) is False


async def test_a_machine_that_vanished_from_its_name_is_waited_for_no_more(
    worker: Worker, followed: Progress, entries: Entries, dns: Names, cache: Machine, edge: Machine
) -> None:
    dns.known["edge"] = ["127.0.0.3", "127.0.0.4"]
    await followed.purged(await write(entries), LONG)
    edge.is_down = True
    number = await write(entries)
    assert await followed.purged(number, LONG) is False
    gone = worker.nodes[edge.address]
    dns.known["edge"] = ["127.0.0.4"]
    assert await done(followed, number)
    assert gone.closed
    edge.is_down = False
    last = await write(entries)
    assert await followed.purged(last, LONG) is True
    assert edge.position < number, "it is no node of the gateway any more"
    dns.known["edge"] = ["127.0.0.3", "127.0.0.4"]
    await reach(last, edge)
    assert edge.resets == 0


async def test_a_name_that_is_not_known_is_a_node_that_is_away(
    make_worker: Callable[[], Worker],
    followed: Progress,
    entries: Entries,
    dns: Names,
    cache: Machine,
    edge: Machine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = dns.known.pop("edge")
    async with make_worker().working():
        numbers = []
        for at in range(5):
            numbers.append(await write(entries, f"cat-{at}"))
            async with asyncio.timeout(5):
                assert await followed.purged(numbers[-1], LONG) is False
        assert cache.position == numbers[-1]
        before = dns.asked

        async def is_asked_for_again() -> bool:
            return dns.asked >= before + 6

        await eventually(is_asked_for_again)
        said = [record.__dict__["tada"]["node"] for record in caplog.records if record.getMessage() == "node_away"]
        assert said == ["http://edge"]
        dns.known["edge"] = known
        assert await done(followed, numbers[-1])
        assert [edge.generation(f"/DEV/cat-{at}") for at in range(5)] == numbers


async def test_the_nodes_of_a_name_that_is_known_no_more_get_changes_and_nobody_says_that_all_have_them(
    worker: Worker, followed: Progress, entries: Entries, dns: Names, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    known, dns.known["edge"] = dns.known["edge"], []
    before = dns.asked

    async def is_noticed() -> bool:
        return dns.asked >= before + 4

    await eventually(is_noticed)
    number = await write(entries)
    async with asyncio.timeout(5):
        assert await followed.purged(number, LONG) is False, "there may be others by now"
    await reach(number, cache, edge)
    dns.known["edge"] = known
    assert await done(followed, number)
    assert cache.resets == edge.resets == 0


async def test_before_a_worker_knows_any_node_it_does_not_say_that_all_have_a_change(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, dns: Names, edge: Machine
) -> None:
    dns.may_answer.clear()
    number = await write(entries)
    async with make_worker().working():
        # Some rounds of telling what is known.
        assert await followed.purged(number, 0.5) is False
        assert edge.position == 0
        dns.may_answer.set()
        assert await done(followed, number)


async def test_a_name_server_that_hangs_keeps_no_change_from_nodes_that_are_known(
    worker: Worker, followed: Progress, entries: Entries, dns: Names, cache: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    dns.may_answer.clear()
    before = dns.asked

    async def hangs() -> bool:
        return dns.asked > before

    await eventually(hangs)
    assert await followed.purged(await write(entries), LONG) is True
    dns.may_answer.set()
