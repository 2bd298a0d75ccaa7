"""Every change reaches every node of the gateway, whatever order things happen in; from a real Redis."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest
from redis.exceptions import RedisError

from services.core.observing import logs, origin
from services.core.state import keys, progress
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs import metrics
from services.jobs.dumps.staging import Staging
from services.jobs.purge import distribution, recent
from services.jobs.purge.node import Batch
from tests.processes.gateway_nodes import Key, Machine, Names, Worker
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry
from tests.support.waits import eventually

LONG = 20.0
"""Seconds: longer than anything takes here that ends at all."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker does each second or so it does more often here."""
    monkeypatch.setattr(distribution, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(distribution, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(distribution, "NAMES_SECONDS", 0.05)
    monkeypatch.setattr(distribution, "BLOCK", 0.1)
    monkeypatch.setattr(distribution, "_REST_SECONDS", 0.02)
    monkeypatch.setattr(progress, "TOLD_SECONDS", 0.1)


@pytest.fixture
async def dns(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.known = {"cache": ["127.0.0.2"], "edge": ["127.0.0.3"]}
    # Redis is reached by its address, and asks nobody.
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", made)
    return made


@pytest.fixture
def machines() -> dict[str, Machine]:
    """Machines by their addresses; those of the names are a cache and an edge."""
    addresses = [f"http://127.0.0.{number}:80" for number in range(2, 6)]
    return {address: Machine(address) for address in addresses}


@pytest.fixture
def cache(machines: dict[str, Machine]) -> Machine:
    return machines["http://127.0.0.2:80"]


@pytest.fixture
def edge(machines: dict[str, Machine]) -> Machine:
    return machines["http://127.0.0.3:80"]


@pytest.fixture
async def followed(client: Redis) -> AsyncIterator[Progress]:
    """What a service of the catalog hears of the workers."""
    made = Progress(client)
    async with made.following():

        async def listens() -> bool:
            return bool(dict(await client.pubsub_numsub(keys.PROGRESS)).get(keys.PROGRESS.encode()))

        await eventually(listens)
        yield made


@pytest.fixture
def make_worker(server: RedisServer, client: Redis, dns: Names, machines: dict[str, Machine]) -> Callable[[], Worker]:
    return lambda: Worker(client, ["http://cache", "http://edge"], machines)


@pytest.fixture
async def worker(make_worker: Callable[[], Worker], followed: Progress) -> AsyncIterator[Worker]:
    made = make_worker()
    async with made.working():
        yield made


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


async def write(entries: Entries, base: str = "cat") -> int:
    """Create an entry or change it; return the number of the change."""
    entry = an_entry(base)
    if await entries.raw(entry.uuid) is None:
        return (await entries.create(entry, None)).number
    _, change = await entries.change(entry.uuid, lambda old: replace(old, version=old.version + 1))
    assert change is not None
    return change.number


async def log_many(client: Redis, count: int) -> list[int]:
    """Log changes of so many entries, as many writers would in little time."""
    seconds, microseconds = await client.time()
    first = max(seconds * 1_000_000 + microseconds, int(await client.get(keys.REVISION) or 0) + 1)
    numbers = list(range(first, first + count))
    for at in range(0, count, 1000):
        async with client.pipeline(transaction=True) as pipeline:
            for number in numbers[at : at + 1000]:
                what = {"kind": "written", "uuid": f"uuid-{number}", "unique_name": f"/DEV/{number}.webp"}
                pipeline.xadd(keys.CHANGES, what, id=f"{number}-0")  # type: ignore[arg-type]
            pipeline.set(keys.REVISION, numbers[min(at + 1000, count) - 1])
            await pipeline.execute()
    return numbers


async def reach(position: int, *reached: Machine) -> None:
    """Wait until machines have all changes up to one, and serve from their caches."""

    async def have_it() -> bool:
        return all(machine.position >= position and machine.current for machine in reached)

    await eventually(have_it)


async def done(followed: Progress, number: int) -> bool:
    """Say whether all nodes get a change, however long that takes."""
    deadline = time.monotonic() + 10
    while not await followed.purged(number, 0.05):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)  # While a node is away it is known at once that not all have it.
    return True


def premature(machine: Machine, last: int) -> list[Batch]:
    """Return what told a machine that it is up to date when there was more."""
    return [batch for batch in machine.batches if batch.is_last and batch.to < last]


def resets() -> float:
    return metrics.RESETS._value.get()  # type: ignore[no-any-return]


async def for_a_while(condition: Callable[[], bool], seconds: float = 0.5) -> None:
    """Look for some rounds of everything whether a condition goes on to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition()
        await asyncio.sleep(0.01)


# As it should be


async def test_every_change_reaches_every_node_and_who_waits_is_told(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    for _ in range(3):
        number = await write(entries)
        assert await followed.purged(number, LONG) is True
        for machine in (cache, edge):
            assert machine.position == number
            assert machine.current
            assert machine.generation("/DEV/cat") == machine.generation(an_entry().uuid) == number
            assert machine.generation("/DEV/dog") == 0
    assert cache.resets == edge.resets == 0


async def test_no_change_waits_for_the_next_time_that_something_is_looked_up(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AGAIN_SECONDS", "ASK_SECONDS", "NAMES_SECONDS", "_REST_SECONDS"):
        monkeypatch.setattr(distribution, name, 60)
    monkeypatch.setattr(distribution, "BLOCK", 2)
    monkeypatch.setattr(progress, "TOLD_SECONDS", 60)
    async with make_worker().working():
        assert await followed.purged(await write(entries), LONG) is True
        started = time.monotonic()
        for _ in range(20):
            assert await followed.purged(await write(entries), LONG) is True
        assert time.monotonic() - started < 2


async def test_each_kind_of_change_is_told_as_what_it_is(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, edge: Machine
) -> None:
    await write(entries)
    _, deleted = await entries.delete(an_entry().uuid, lambda entry: None)
    assert await followed.purged(deleted.number, LONG) is True
    assert edge.gone == [
        "/assets/media/original/DEV/cat.jpg",
        "/assets/media/full/DEV/cat.webp",
        f"/catalog/{an_entry().uuid}",
    ]
    await write(entries)
    _, cleared = await entries.clear()
    assert cleared is not None
    assert await followed.purged(cleared.number, LONG) is True
    assert edge.state.epoch == cleared.number
    staging = Staging(client)
    await staging.add([an_entry()])
    restored = await staging.switch()
    assert await followed.purged(restored.number, LONG) is True
    assert edge.state.epoch == edge.generation("/DEV/dog") == restored.number


async def test_ten_thousand_changes_are_sent_in_few_requests(
    worker: Worker, followed: Progress, client: Redis, cache: Machine, edge: Machine
) -> None:
    await followed.purged((await log_many(client, 1))[0], LONG)
    started = time.monotonic()
    numbers = await log_many(client, 10_000)
    assert await followed.purged(numbers[-1], LONG) is True
    assert time.monotonic() - started < 10
    for machine in (cache, edge):
        assert {machine.generation(f"/DEV/{number}") for number in numbers} == set(numbers)
        assert machine.resets == 0
        carrying = [batch for batch in machine.batches if batch.lines]
        assert len(carrying) < 200
        assert max(len(batch.lines) for batch in carrying) <= distribution.AT_ONCE
        told = [int(line.split()[0]) for batch in carrying for line in batch.lines]
        assert told == sorted(told)


async def test_without_any_node_nothing_has_to_be_waited_for(
    client: Redis, followed: Progress, entries: Entries
) -> None:
    async with Worker(client, [], {}).working():
        assert await followed.purged(await write(entries), LONG) is True


async def test_without_any_worker_nobody_knows(followed: Progress, entries: Entries) -> None:
    assert await followed.purged(await write(entries), 0.1) is False


async def test_what_was_changed_before_there_was_a_worker_is_sent_too(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries, edge: Machine, cache: Machine
) -> None:
    first, last = await write(entries, "cat"), await write(entries, "dog")
    async with make_worker().working():
        assert await followed.purged(last, LONG) is True
        for machine in (cache, edge):
            assert (machine.generation("/DEV/cat"), machine.generation("/DEV/dog")) == (first, last)
            assert machine.resets == 0, "the log has everything that there has ever been"


# Nodes that are away


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


# Nodes that know less than they did


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


# A log that is another one


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


# Several workers


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


async def frozen(
    worker: Worker,
    machine: Machine,
    begin: Callable[[], Awaitable[object]],
    held: Callable[[Batch], bool] = lambda batch: True,
) -> None:
    """Have a worker held up at the moment when it sends something to a machine, once something has begun."""
    node = worker.nodes[machine.address]
    node.held = held
    node.before.clear()
    await begin()
    async with asyncio.timeout(10):
        await node.held_up.wait()


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


# Names


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


# Redis


async def test_a_redis_that_hangs_is_waited_for(
    server: RedisServer, worker: Worker, followed: Progress, entries: Entries, cache: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    server.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(0.3)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert await done(followed, await write(entries))
    assert cache.resets == 0


async def test_a_redis_that_is_restarted_empty_is_another_catalog(
    server: RedisServer, worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    server.stop()
    server.start()
    number = await write(entries)
    assert await done(followed, number)
    await reach(number, cache, edge)
    assert (cache.resets, edge.resets) == (1, 1)


# The end


@pytest.mark.parametrize("while_", ["all is well", "a node hangs", "redis is frozen", "redis is gone", "the DNS hangs"])
async def test_it_ends_promptly(
    server: RedisServer,
    make_worker: Callable[[], Worker],
    client: Redis,
    entries: Entries,
    dns: Names,
    cache: Machine,
    edge: Machine,
    while_: str,
) -> None:
    worker = make_worker()
    task = asyncio.create_task(worker.distributor.run())
    await reach(await write(entries), cache, edge)
    try:
        match while_:
            case "a node hangs":
                await frozen(worker, cache, lambda: write(entries))
            case "redis is frozen":
                server.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(0.2)
            case "redis is gone":
                server.stop()
                await asyncio.sleep(0.2)
            case "the DNS hangs":
                dns.may_answer.clear()
                before = dns.asked

                async def hangs() -> bool:
                    return dns.asked > before

                await eventually(hangs)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        assert time.monotonic() - started < 1
        assert all(node.closed for node in worker.all_nodes)
    finally:
        server.process.send_signal(signal.SIGCONT)
        if server.process.poll() is not None:
            server.start()
    await asyncio.sleep(0)
    assert [one for one in asyncio.all_tasks() if "Distributor" in repr(one) or "_keep" in repr(one)] == []


# What is said of it


async def test_a_purge_is_counted_and_said_in_the_log_of_its_request(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await followed.purged(await write(entries), LONG)
    caplog.clear()
    counted = {result: metrics.PURGES.labels(result)._value.get() for result in ("done", "queued")}
    request_ids = []
    note = logs.event

    def noting(*given: object, **fields: object) -> None:
        if "purged" in given:
            request_ids.append(origin.request_id.get())
        note(*given, **fields)  # type: ignore[arg-type]

    logs.event = noting  # type: ignore[assignment]
    try:
        with origin.working_for("request-of-cat"):
            assert await followed.purged(await write(entries, "cat"), LONG) is True
        cache.is_down = True
        with origin.working_for("request-of-dog"):
            assert await followed.purged(await write(entries, "dog"), LONG) is False
        cache.is_down = False
        assert await done(followed, (await ChangeLog(worker.distributor._redis).latest()).number)  # type: ignore[union-attr]
    finally:
        logs.event = note
    said = [record.__dict__["tada"] for record in caplog.records if record.getMessage() == "purged"]
    assert [(line["asset"], line["everywhere"]) for line in said] == [("/DEV/cat.webp", True), ("/DEV/dog.webp", False)]
    assert request_ids == ["request-of-cat", "request-of-dog"]
    for result in ("done", "queued"):
        assert metrics.PURGES.labels(result)._value.get() == counted[result] + 1


async def test_what_was_purged_before_a_worker_started_is_not_counted_by_it(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries
) -> None:
    for at in range(5):
        await write(entries, f"cat-{at}")
    before = metrics.PURGES.labels("done")._value.get()
    async with make_worker().working():
        assert await followed.purged(await write(entries), LONG) is True
    assert metrics.PURGES.labels("done")._value.get() == before + 1


async def test_each_worker_counts_every_change(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries
) -> None:
    before = metrics.PURGES.labels("done")._value.get()
    async with make_worker().working(), make_worker().working():
        await followed.purged(await write(entries), LONG)
        started = metrics.PURGES.labels("done")._value.get()
        assert started - before <= 2
        for _ in range(50):
            last = await write(entries)
        await followed.purged(last, LONG)

        async def all_are_counted() -> bool:
            return metrics.PURGES.labels("done")._value.get() >= started + 100

        with suppress(TimeoutError):
            await eventually(all_are_counted, within=2)
    assert metrics.PURGES.labels("done")._value.get() >= started + 100


async def test_nodes_and_what_they_lack_are_measured(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine
) -> None:
    def measured() -> tuple[float, float, float, bool]:
        return (
            metrics.NODES.labels("current")._value.get(),
            metrics.NODES.labels("away")._value.get(),
            metrics.CHANGES._value.get(),
            metrics.OLDEST_CHANGE._value.get() > 0,
        )

    async def all_is_well() -> bool:
        return measured() == (2, 0, 0, False)

    async def three_are_lacking() -> bool:
        return measured() == (1, 1, 3, True)

    await followed.purged(await write(entries), LONG)
    await eventually(all_is_well)
    cache.is_down = True
    await log_many(client, 3)
    await eventually(three_are_lacking)
    cache.is_down = False
    await eventually(all_is_well)


# Whatever happens


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


async def test_a_worker_without_redis_says_so_and_goes_on(
    dns: Names, machines: dict[str, Machine], caplog: pytest.LogCaptureFixture
) -> None:
    away = connect("redis://127.0.0.1:1")
    worker = Worker(away, ["http://cache", "http://edge"], machines)
    async with worker.working() as task:

        async def is_said() -> bool:
            return "redis_down" in caplog.messages

        await eventually(is_said)
        assert not task.done()
    with suppress(RedisError):
        await away.aclose()
