"""Nodes that know less than they did, or more than the log has."""

from collections.abc import Callable

import pytest

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs.purge import distribution, recent
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.distribution import LONG, done, for_a_while, log_many, premature, reach, resets, write
from tests.support.waits import eventually


async def test_a_node_that_came_back_with_an_earlier_position_is_sent_what_it_lacks(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine
) -> None:
    saved = await write(entries, "saved")
    await followed.purged(saved, LONG)
    cache.save()
    numbers = [await write(entries, f"cat-{at}") for at in range(5)]
    await followed.purged(numbers[-1], LONG)
    salt = cache.state.salt
    cache.restart()
    assert not cache.current
    await reach(numbers[-1], cache)
    assert [cache.generation(f"/DEV/cat-{at}") for at in range(5)] == numbers
    assert (cache.state.salt, cache.resets) == (salt, 0), "what it has stored is good still"
    assert await followed.purged(await write(entries), LONG) is True


async def test_what_the_worker_holds_in_memory_no_more_is_read_from_the_log(
    worker: Worker, followed: Progress, client: Redis, cache: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "AT_ONCE", 10)
    monkeypatch.setattr(recent, "HELD", 5)
    [saved] = await log_many(client, 1)
    await followed.purged(saved, LONG)
    cache.save()
    numbers = await log_many(client, 40)
    await followed.purged(numbers[-1], LONG)
    cache.batches.clear()
    cache.restart()
    await reach(numbers[-1], cache)
    assert premature(cache, numbers[-1]) == []
    assert [cache.generation(f"/DEV/{number}") for number in numbers] == numbers
    assert cache.resets == 0


async def test_a_node_that_comes_back_while_changes_go_on_misses_none(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    latest: dict[str, int] = {}
    for at in range(60):
        name = f"cat-{at % 7}"
        latest[name] = await write(entries, name)
        if at % 10 == 3:
            cache.save()
        if at % 10 == 8:
            cache.restart()
    assert await done(followed, max(latest.values()))
    await reach(max(latest.values()), cache, edge)
    for machine in (cache, edge):
        assert {name: machine.generation(f"/DEV/{name}") for name in latest} == latest
    assert cache.resets == 0


async def test_a_node_that_has_lost_its_file_begins_anew_with_all_that_the_log_has(
    worker: Worker,
    followed: Progress,
    client: Redis,
    entries: Entries,
    cache: Machine,
    edge: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distribution, "AT_ONCE", 10)
    numbers = await log_many(client, 55)
    await followed.purged(numbers[-1], LONG)
    await client.xtrim(keys.CHANGES, maxlen=45, approximate=False)
    cache.lose_file()
    cache.batches.clear()
    cache.restart()
    await reach(numbers[-1], cache)
    assert cache.resets == 1
    assert premature(cache, numbers[-1]) == []
    assert [cache.generation(f"/DEV/{number}") for number in numbers] == [*[0] * 10, *numbers[10:]]
    assert edge.resets == 0
    assert await followed.purged(await write(entries), LONG) is True


async def test_a_node_that_has_lost_its_file_needs_no_new_beginning_while_the_log_is_whole(
    worker: Worker, followed: Progress, client: Redis, cache: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "AT_ONCE", 10)
    numbers = await log_many(client, 55)
    await followed.purged(numbers[-1], LONG)
    cache.lose_file()
    cache.batches.clear()
    cache.restart()
    await reach(numbers[-1], cache)
    assert premature(cache, numbers[-1]) == []
    assert [cache.generation(f"/DEV/{number}") for number in numbers] == numbers
    assert cache.resets == 0


async def test_a_node_that_was_away_for_longer_than_the_log_reaches_back_begins_anew_once(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine, edge: Machine
) -> None:
    before = resets()
    await followed.purged(await write(entries, "forgotten"), LONG)
    cache.is_down = True
    numbers = await log_many(client, 30)
    await reach(numbers[-1], edge)
    await client.xtrim(keys.CHANGES, maxlen=10, approximate=False)
    salt, cache.is_down = cache.state.salt, False
    # The worker may hold in memory what the log has no more.
    cache.state.position -= 1
    assert await done(followed, numbers[-1])
    assert cache.state.salt != salt
    assert [cache.generation(f"/DEV/{number}") for number in numbers[-10:]] == numbers[-10:]
    await for_a_while(lambda: cache.resets == 1 and resets() == before + 1)
    assert edge.resets == 0


async def test_what_the_worker_holds_in_memory_spares_a_new_beginning(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    cache.is_down = True
    numbers = await log_many(client, 30)
    await reach(numbers[-1], edge)
    await client.xtrim(keys.CHANGES, maxlen=10, approximate=False)
    cache.is_down = False
    assert await done(followed, numbers[-1])
    assert [cache.generation(f"/DEV/{number}") for number in numbers] == numbers
    assert cache.resets == 0


@pytest.mark.parametrize("kept", [3, 2])
async def test_a_node_that_knows_of_changes_that_redis_has_lost_begins_anew_once(
    make_worker: Callable[[], Worker],
    followed: Progress,
    client: Redis,
    entries: Entries,
    cache: Machine,
    edge: Machine,
    kept: int,
) -> None:
    numbers = [await write(entries) for _ in range(3)]
    await client.xtrim(keys.CHANGES, maxlen=kept, approximate=False)
    cache.state.position = edge.state.position = numbers[-1] + 7  # Lost by Redis in a failover.
    cache.state.raised["/DEV/lost"] = numbers[-1] + 7
    async with make_worker().working():
        # What they have is more than what is asked for, but of another log.
        await reach(numbers[-1], cache, edge)

        async def have_begun_anew() -> bool:
            return cache.resets == edge.resets == 1

        await eventually(have_begun_anew)
        assert cache.generation("/DEV/lost") == 0
        assert await followed.purged(await write(entries), LONG) is True
        await for_a_while(lambda: cache.resets == edge.resets == 1)
