"""A log that is another one, or has a gap."""

import time
from collections.abc import Callable

import pytest

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.distribution import LONG, done, for_a_while, log_many, reach, write
from tests.support.waits import eventually


@pytest.mark.parametrize("at_once", [True, False], ids=["changes at once", "changes later"])
async def test_when_redis_was_emptied_the_nodes_begin_anew(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine, edge: Machine, at_once: bool
) -> None:
    old = [await write(entries, f"old-{at}") for at in range(5)]
    await followed.purged(old[-1], LONG)
    salts = {cache.state.salt, edge.state.salt}
    await client.flushall()
    if not at_once:

        async def have_noticed() -> bool:
            return cache.resets == edge.resets == 1

        await eventually(have_noticed)
        await for_a_while(lambda: cache.resets == edge.resets == 1 and cache.current and edge.current)
        assert cache.position == edge.position == 0
    new = [await write(entries, f"new-{at}") for at in range(5)]
    assert await done(followed, new[-1])
    await reach(new[-1], cache, edge)
    for machine in (cache, edge):
        assert machine.state.salt not in salts
        assert [machine.generation(f"/DEV/new-{at}") for at in range(5)] == new
        assert machine.generation("/DEV/old-0") == 0
    await for_a_while(lambda: cache.resets == edge.resets == 1)


async def test_a_catalog_that_begins_anew_with_lower_numbers_is_one_that_nodes_lack(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine, edge: Machine
) -> None:
    ahead = int((time.time() + 86400) * 1e6)
    await client.set(keys.REVISION, ahead)
    assert await followed.purged(await write(entries), LONG) is True
    await client.flushall()  # And the clock of Redis is right from now on.
    number = await write(entries)
    assert number < ahead

    async def have_begun_anew() -> bool:
        return cache.position == edge.position == number

    await eventually(have_begun_anew)
    assert await done(followed, number)
    assert cache.resets == edge.resets == 1
    cache.is_down = True
    assert await followed.purged(await write(entries), LONG) is False


async def test_a_log_that_grows_faster_than_it_is_read_is_taken_up_again(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    numbers = await log_many(client, 50)
    await client.xtrim(keys.CHANGES, maxlen=1, approximate=False)
    assert await done(followed, numbers[-1])
    last = await write(entries)
    assert await followed.purged(last, LONG) is True
    assert cache.position == edge.position == last


async def test_a_worker_that_starts_with_an_empty_log_gives_a_node_no_reason_to_begin_anew_again(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, cache: Machine
) -> None:
    async with make_worker().working():
        await reach(0, cache)
        await for_a_while(lambda: cache.resets == 0)
        assert await followed.purged(await write(entries), LONG) is True
        assert cache.resets == 0
