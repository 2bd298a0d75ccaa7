"""Services of the version before that are still at work while an installation is upgraded, on a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from services.core.errors import Behind
from services.core.state import cancellation, keys
from services.core.state.changes import CatalogReplaced, ChangeLog, number_of
from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from services.core.state.entry_reader import EntryReader
from services.jobs.purge import upgrade
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry
from tests.support.waits import eventually


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "_LOOK_SECONDS", 0.02)


@asynccontextmanager
async def adopting(*clients: Redis) -> AsyncIterator[list["asyncio.Task[None]"]]:
    tasks = [asyncio.create_task(upgrade.keep_adopting(client)) for client in clients]
    try:
        yield tasks
    finally:
        await cancellation.end(tasks)


async def written_before(client: Redis) -> bytes:
    """Change an entry as a catalog service of the version before does."""
    fields = {"uuid": "u", "unique_name": "/DEV/old.webp", "obsolete": "", "request_id": "r", "traceparent": ""}
    number: bytes = await client.xadd(keys.CHANGES_BEFORE, fields)  # type: ignore[arg-type]
    await client.set(keys.REVISION, number)
    return number


async def purged_before(client: Redis) -> None:
    """Take all changes out of their stream, as a worker of the version before does that has done them."""
    for number, _ in await client.xrange(keys.CHANGES_BEFORE):
        await client.xdel(keys.CHANGES_BEFORE, number)


async def adopted(client: Redis, count: int) -> None:
    log = ChangeLog(client)

    async def are_there() -> bool:
        found = await log.from_(0, 100)
        assert all(isinstance(change, CatalogReplaced) for change in found)
        return len(found) == count and not await client.exists(keys.CHANGES_BEFORE)

    await eventually(are_there)


async def rounds(client: Redis) -> None:
    """Wait until it has been looked for such changes some more times."""

    async def asked() -> int:
        found = await client.info("commandstats")
        return int(found.get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = await asked()

    async def often_enough() -> bool:
        return await asked() >= before + 3

    await eventually(often_enough)


@pytest.mark.parametrize("done", [False, True], ids=["waiting", "done"])
async def test_what_the_version_before_has_changed_makes_everything_stale_once(client: Redis, done: bool) -> None:
    before = await written_before(client)
    await written_before(client)
    if done:
        await purged_before(client)
    async with adopting(client):
        await adopted(client, 1)
        await rounds(client)
        await adopted(client, 1)
    [change] = await ChangeLog(client).from_(0, 10)
    assert change.number > number_of(before) * 100, "in microseconds"
    assert await Entries(client).revision() == str(change.number)


async def test_an_installation_that_is_new_makes_nothing_stale(client: Redis) -> None:
    async with adopting(client):
        await rounds(client)
        # A worker of the version before makes the stream before there is anything in it.
        await client.xgroup_create(keys.CHANGES_BEFORE, "purgers", id="0", mkstream=True)
        await rounds(client)
    assert await ChangeLog(client).from_(0, 10) == []
    assert await client.get(keys.REVISION) is None


async def test_each_time_that_the_version_before_changes_something_everything_is_stale(client: Redis) -> None:
    async with adopting(client):
        for count in range(1, 4):
            await written_before(client)
            await adopted(client, count)
    numbers = [change.number for change in await ChangeLog(client).from_(0, 10)]
    assert numbers == sorted(set(numbers))


async def test_workers_side_by_side_make_everything_stale_once_for_each(server: RedisServer, client: Redis) -> None:
    others = [connect(server.url) for _ in range(4)]
    async with adopting(*others):
        await rounds(client)
        for count in range(1, 6):
            await written_before(client)
            await adopted(client, count)
        await rounds(client)
        await adopted(client, 5)
    for other in others:
        await other.aclose()


async def test_both_versions_write_side_by_side_and_no_number_is_given_twice(client: Redis) -> None:
    entries, entry = Entries(client), an_entry()
    told = [(await entries.create(entry, None)).number]
    async with adopting(client):
        for version in range(2, 30):
            await written_before(client)
            _, change = await entries.change(entry.uuid, lambda old, version=version: replace(old, version=version))  # type: ignore[misc]
            assert change is not None
            told.append(change.number)

        async def is_adopted() -> bool:
            return not await client.exists(keys.CHANGES_BEFORE)

        await eventually(is_adopted)
    numbers = [change.number for change in await ChangeLog(client).from_(0, 1000)]
    assert told == sorted(set(told))
    assert set(told) <= set(numbers)
    assert numbers == sorted(set(numbers))
    assert int(await entries.revision()) == numbers[-1]


async def test_a_revision_of_the_version_before_keeps_no_write_out_of_a_log_that_is_ahead_of_the_clock(
    client: Redis,
) -> None:
    entries, log = Entries(client), ChangeLog(client)
    await client.set(keys.REVISION, str(int((time.time() + 5) * 1e6)))  # The clock was set back since.
    first = await entries.create(an_entry("first"), None)
    await written_before(client)
    second = await entries.create(an_entry("second"), None)
    assert [change.number for change in await log.from_(0, 10)] == [first.number, second.number]
    assert second.number > first.number


async def test_after_a_change_of_the_version_before_reading_goes_on_within_a_moment(client: Redis) -> None:
    change = await Entries(client).create(an_entry(), None)
    reader = EntryReader(client)
    await written_before(client)
    async with adopting(client):

        async def is_read() -> bool:
            try:
                [found] = await reader.read([an_entry().key], change.number)
            except Behind:
                return False  # The version before has numbers of its own.
            return found is not None

        await eventually(is_read, within=2)


async def test_without_redis_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    away = connect("redis://127.0.0.1:1")
    async with adopting(away) as [task]:

        async def is_said() -> bool:
            return caplog.messages.count("redis_down") > 1

        await eventually(is_said)
        assert not task.done()
    await away.aclose()
