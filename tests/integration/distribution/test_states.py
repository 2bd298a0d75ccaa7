"""What a worker knows of each node: how far it is, when it took a change, and since when it is away."""

import time
from collections.abc import Callable

from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs.purge.distribution import NodeState
from tests.processes.gateway_nodes import Machine, Names, Worker
from tests.support.distribution import LONG, write
from tests.support.waits import eventually


def states(worker: Worker, change: int) -> list[NodeState]:
    found = worker.distributor.nodes(change)
    assert found is not None
    return found


async def test_a_worker_that_has_just_begun_leaves_answers_to_others(make_worker: Callable[[], Worker]) -> None:
    worker = make_worker()
    assert worker.distributor.nodes(0) is None
    async with worker.working():

        async def knows() -> bool:
            found = worker.distributor.nodes(0)
            return found is not None and len(found) == 2

        await eventually(knows)


async def test_each_node_says_when_it_took_a_change(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    # What a node had before this worker came to it was taken at a time that nobody knows.
    assert await followed.purged(await write(entries, "first"), LONG) is True
    change = await write(entries, "cat")
    assert await followed.purged(change, LONG) is True
    found = {node.name: node for node in states(worker, change)}
    assert {node.address for node in found.values()} == {cache.address, edge.address}
    for name in ("http://cache", "http://edge"):
        assert found[name].position >= change
        assert found[name].absence is None
        taken = found[name].taken_at
        assert taken is not None
        assert 0 <= taken - change / 1e6 < LONG
    assert [node.taken_at for node in states(worker, change + 1)] == [None, None]
    assert [node.taken_at for node in states(worker, 1)] == [None, None]
    assert worker.distributor.newest == change


async def test_a_node_that_is_away_is_named_until_it_is_back(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine
) -> None:
    assert await followed.purged(await write(entries, "first"), LONG) is True
    began = time.time()
    cache.is_down = True
    change = await write(entries, "cat")
    assert await followed.purged(change, LONG) is False
    found = {node.name: node for node in states(worker, change)}
    absence = found["http://cache"].absence
    assert absence is not None
    assert began <= absence.since <= time.time()
    assert absence.why
    assert found["http://edge"].absence is None
    cache.is_down = False

    async def is_back() -> bool:
        [node] = [node for node in states(worker, change) if node.name == "http://cache"]
        return node.absence is None and node.taken_at is not None and node.taken_at > absence.since

    await eventually(is_back)


async def test_a_name_that_leads_nowhere_is_like_a_node_that_is_away(
    dns: Names, make_worker: Callable[[], Worker]
) -> None:
    dns.known["cache"] = []
    del dns.known["cache"]
    worker = make_worker()
    async with worker.working():

        async def is_named() -> bool:
            found = {node.name: node for node in worker.distributor.nodes(0) or ()}
            named = found.get("http://cache")
            return named is not None and named.absence is not None and named.address == "http://cache"

        await eventually(is_named)
        since = {node.name: node.absence for node in states(worker, 0)}["http://cache"]
        dns.known["cache"] = ["127.0.0.2"]

        async def is_there() -> bool:
            return all(node.absence is None for node in states(worker, 0))

        await eventually(is_there)
        assert since is not None
