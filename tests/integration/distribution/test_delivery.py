"""Every change reaches every node of the gateway, and who waits is told."""

import time
from collections.abc import Callable

import pytest

from services.core.state import progress
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs.dumps.staging import Staging
from services.jobs.purge import distribution
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.catalogs import an_entry
from tests.support.distribution import LONG, log_many, write


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
        f"/catalog/{an_entry().key}",
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
