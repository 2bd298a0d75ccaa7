"""The log of changes on a real Redis: its numbers, its length, and whoever reads and waits."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.core.assets import events, moves
from services.core.assets.entries import StoredFile, with_file
from services.core.assets.events import Event, Happened, Kind
from services.core.assets.facts import Facts
from services.core.assets.retired import Undo
from services.core.observing import origin
from services.core.state import changes, keys
from services.core.state.changes import CatalogReplaced, ChangeLog, EntryDeleted, EntryDescribed, EntryWritten, News
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from services.core.state.retired import RetiredObjects
from services.core.state.stale_claims import Leftover
from services.jobs.dumps.staging import Staging
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry, fill, many
from tests.support.waits import eventually

SEEN = Facts(1, 2, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3")


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


@pytest.fixture
def log(client: Redis) -> ChangeLog:
    return ChangeLog(client)


async def rename(entries: Entries, uuid: str, information: str) -> Commit:
    _, change = await entries.change(uuid, lambda old: replace(old, information=information))
    assert change is not None
    return change


async def now(client: Redis) -> int:
    """Return the time of Redis in microseconds."""
    seconds, microseconds = await client.time()
    return int(seconds) * 1_000_000 + int(microseconds)


# What is written


async def test_each_step_of_the_catalog_is_logged_as_what_it_is(
    client: Redis, entries: Entries, log: ChangeLog
) -> None:
    entry = an_entry()
    with origin.working_for("0123456789abcdef"):
        created = await entries.create(entry, None)
        changed = await rename(entries, entry.uuid, "new")
        await entries.describe(entry.key, entry.signature, SEEN)
        _, deleted = await entries.delete(entry.uuid, lambda found: None)
        await entries.create(entry, None)
        _, cleared = await entries.clear()
        staging = Staging(client)
        await staging.add([entry])
        restored = await staging.switch()
    found = await log.from_(0, 100)
    assert [type(one) for one in found] == [
        *(EntryWritten, EntryWritten, EntryDescribed, EntryDeleted, EntryWritten),
        *(CatalogReplaced, CatalogReplaced),
    ]
    assert cleared is not None
    told = [change.number for change in (created, changed, deleted, cleared, restored)]
    assert told == [found[at].number for at in (0, 1, 3, 5, 6)]
    assert {one.request_id for one in found} == {"0123456789abcdef"}
    for one in found:
        if isinstance(one, EntryWritten | EntryDeleted):
            assert (one.uuid, one.unique_name) == (entry.uuid, "/DEV/cat.webp")
        if isinstance(one, EntryDeleted):
            assert one.original_name == "/DEV/cat.jpg"
    assert await entries.revision() == str(found[-1].number)


async def test_clients_are_told_of_each_change_once_with_who_and_why(catalog: CatalogUser, log: ChangeLog) -> None:
    entries, entry = catalog.entries, an_entry()
    with origin.working_for("0123456789abcdef"), origin.acting_as("cms"):
        await entries.create(entry, None)
        await rename(entries, entry.uuid, "new")
    found = await entries.find(entry.uuid)
    claim = await catalog.claims.make("/DEV/pets/cat.webp")
    moved = moves.moved(found.entry, moves.renamed(found.entry, "pets", None), claim.storage_key)
    await entries.move(found, moved, claim)
    await entries.delete(moved.uuid, lambda found: None)
    await entries.create(entry, None)
    await entries.clear()
    staging = Staging(catalog.client)
    await staging.add([entry, an_entry("dog")])
    await staging.switch()
    news = await log.news(0, 100)
    created, changed, moving, *rest = news.events
    assert created == Event(
        created.number, events.written(None, entry), entry.uuid, entry.unique_name, "cms", "0123456789abcdef"
    )
    assert changed.happened == Happened(Kind.CHANGED, {"information": None}, {"information": "new"})
    assert (moving.uuid, moving.paths, moving.who) == (moved.uuid, ("/DEV/pets/cat.webp", "/DEV/cat.webp"), "")
    assert [one.kind for one in rest] == [Kind.DELETED, Kind.CREATED, Kind.CATALOG, Kind.CATALOG]
    emptied, restored = (one.happened for one in rest[2:])
    assert emptied == Happened(Kind.CATALOG, {"count": 1}, {"cause": "emptied", "count": 0})
    assert restored == Happened(Kind.CATALOG, {"count": 0}, {"cause": "restored", "count": 2})
    assert {(one.uuid, one.unique_name) for one in rest[2:]} == {("", "")}


async def test_an_undone_change_says_what_it_undoes(client: Redis, log: ChangeLog) -> None:
    catalog = CatalogUser(client, Undo(versions=3, trash_days=7))
    retired, entry = RetiredObjects(client), an_entry()
    await catalog.entries.create(entry, None)
    second = with_file(entry, StoredFile("image/jpeg", "6f" * 32, 99, "DEV/cat.webp.0123456789abcdef", 99), "jpg")
    await catalog.entries.change(entry.uuid, lambda _: second)
    [version] = await retired.versions(entry.key)
    await catalog.entries.restore_version(entry.key, version, lambda _: None)
    _, deleted = await catalog.entries.delete(entry.uuid, lambda _: None)
    trashed = await retired.trashed(deleted.number)
    assert trashed
    await catalog.entries.undelete(trashed)
    _, replaced, restored, _, back = (one.happened for one in (await log.news(0, 100)).events)
    assert (replaced.kind, restored.kind, back.kind) == (Kind.REPLACED, Kind.RESTORED, Kind.RESTORED)
    assert (restored.before or {})["signature"] == "6f" * 32
    assert back.before is None
    assert (back.after or {})["deletion"] == str(deleted.number)


async def test_news_are_read_page_by_page_and_a_gap_is_told(
    client: Redis, catalog: CatalogUser, log: ChangeLog
) -> None:
    assert await log.news(0, 10) == News([], 0, is_gapless=True, is_last=True)
    numbers = [(await catalog.entries.create(an_entry(str(number)), None)).number for number in range(3)]
    found = await catalog.entries.find(an_entry("2").uuid)
    claim = await catalog.claims.make("/DEV/pets/2.webp")
    moved = moves.moved(found.entry, moves.renamed(found.entry, "pets", None), claim.storage_key)
    commit = await catalog.entries.move(found, moved, claim)
    assert commit
    position, seen = 0, list[int]()
    while (news := await log.news(position, 1)).position > position:
        assert news.is_gapless
        position, seen = news.position, [*seen, *(one.number for one in news.events)]
    assert seen == [*numbers, commit.number], "the first change of a move has no event, but is not a gap"
    assert news == News([], commit.number, is_gapless=True, is_last=True)
    assert not (await log.news(numbers[1] - 1, 10)).is_gapless, "nobody has ever had this position"
    await client.xtrim(keys.CHANGES, minid=f"{numbers[1]}-0", approximate=False)
    assert (await log.news(numbers[1], 10)).is_gapless
    for position in (0, numbers[0], commit.number + 1):
        assert not (await log.news(position, 10)).is_gapless
    await client.delete(keys.CHANGES)
    assert not (await log.news(numbers[1], 10)).is_gapless


async def test_changes_of_the_version_before_are_events_of_their_kind(client: Redis, log: ChangeLog) -> None:
    for kind, more in (
        *((kind, {}) for kind in ("written", "deleted", "described", "replaced")),
        ("written", {"event": '["asset.painted",{},{}]'}),
    ):
        fields = {"kind": kind, "uuid": "u", "unique_name": "/DEV/cat.webp", "request_id": "r", "traceparent": ""}
        await client.xadd(keys.CHANGES, {**fields, **more})  # type: ignore[dict-item]
    found = (await log.news(0, 10)).events
    assert [one.happened for one in found] == [
        Happened(kind) for kind in (Kind.CHANGED, Kind.DELETED, Kind.DESCRIBED, Kind.CATALOG, Kind.CHANGED)
    ]
    assert {(one.uuid, one.request_id) for one in found if one.kind is not Kind.CATALOG} == {("u", "r")}


async def test_a_write_that_changes_nothing_is_not_logged(entries: Entries, log: ChangeLog) -> None:
    entry = an_entry()
    created = await entries.create(entry, None)
    assert await entries.change(entry.uuid, lambda old: old) == (entry, None)
    _, deleted = await entries.delete(entry.uuid, lambda found: None)
    assert await entries.clear() == (0, None)
    assert [one.number for one in await log.from_(0, 10)] == [created.number, deleted.number]


async def test_a_change_says_which_bytes_it_has_left_behind(entries: Entries) -> None:
    entry = an_entry()
    assert (await entries.create(entry, None)).leftover is None
    assert (await rename(entries, entry.uuid, "new")).leftover is None
    _, moved = await entries.change(entry.uuid, lambda old: replace(old, storage_key="DEV/cat.webp.1"))
    assert moved is not None
    assert moved.leftover == Leftover(entry.key, entry.storage_key)
    _, deleted = await entries.delete(entry.uuid, lambda found: None)
    assert deleted.leftover == Leftover(entry.key, "DEV/cat.webp.1")
    await entries.create(entry, None)
    _, kept = await entries.delete(entry.uuid, lambda found: None, keep_bytes=True)
    assert kept.leftover is None


async def test_a_write_whose_answer_was_lost_has_a_number_that_is_no_lower(
    client: Redis, entries: Entries, log: ChangeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, write = an_entry(), entries._set._write

    async def said_twice(**given: Any) -> object:
        await write(**given)
        return await write(**given)

    monkeypatch.setattr(entries._set, "_write", said_twice)
    change = await entries.create(entry, None)
    [written] = await log.from_(0, 10)
    assert change == Commit(written.number)


# Numbers


async def test_the_number_of_a_change_is_its_time_in_microseconds(client: Redis, entries: Entries) -> None:
    before = await now(client)
    change = await entries.create(an_entry(), None)
    assert before <= change.number <= await now(client)
    assert changes.age(change.number, time.time()) < 5


@pytest.mark.parametrize("ahead_seconds", [1, 86400, 50 * 365 * 86400])
async def test_numbers_grow_one_by_one_where_the_clock_is_behind_the_last_one(
    client: Redis, entries: Entries, log: ChangeLog, ahead_seconds: int
) -> None:
    last = await now(client) + ahead_seconds * 1_000_000 + 10_000_000
    await client.set(keys.REVISION, str(last))
    entry = an_entry()
    written = [(await entries.create(entry, None)).number]
    written += [(await rename(entries, entry.uuid, str(number))).number for number in range(20)]
    written.append((await entries.delete(entry.uuid, lambda found: None))[1].number)
    assert written == list(range(last + 1, last + 23))
    assert [one.number for one in await log.from_(0, 100)] == written
    assert int(await entries.revision()) == written[-1]


@pytest.mark.parametrize("revision", ["1764455000123-1", "1764455000123-0", "1-1", "0"])
async def test_numbers_begin_after_a_revision_of_the_version_before(
    client: Redis, entries: Entries, log: ChangeLog, revision: str
) -> None:
    await client.set(keys.REVISION, revision)
    before = await now(client)
    change = await entries.create(an_entry(), None)
    assert changes.number_of(revision) < before <= change.number
    assert await entries.revision() == str(change.number)


async def test_numbers_grow_strictly_whoever_writes_and_however_many(
    server: RedisServer, client: Redis, log: ChangeLog
) -> None:
    others = [connect(server.url) for _ in range(4)]
    entries = [an_entry(str(number)) for number in range(4)]

    async def write(own: Redis, uuid: str) -> list[int]:
        return [(await rename(Entries(own), uuid, str(number))).number for number in range(50)]

    for entry in entries:
        await Entries(client).create(entry, None)
    found = await asyncio.gather(*(write(own, entry.uuid) for own, entry in zip(others, entries, strict=True)))
    for numbers in found:
        assert numbers == sorted(numbers)
    logged = [one.number for one in await log.from_(0, 1000)]
    assert logged == sorted(set(logged))
    assert set(logged) == {number for numbers in found for number in numbers} | set(logged[:4])
    for own in others:
        await own.aclose()


async def test_a_restore_and_an_emptying_take_numbers_like_every_change_and_begin_an_epoch(
    client: Redis, entries: Entries
) -> None:
    last = await now(client) + 10**12
    await fill(client, many(3))
    await client.set(keys.REVISION, str(last))
    _, cleared = await entries.clear()
    assert cleared == Commit(last + 1)
    assert await client.get(keys.EPOCH) == str(last + 1).encode()
    staging = Staging(client)
    await staging.add(many(3))
    assert await staging.switch() == Commit(last + 2)
    assert await client.get(keys.EPOCH) == str(last + 2).encode()


# The log


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have the log keep less; Redis drops what it has too much of a hundred at a time."""
    monkeypatch.setitem(changes.WRITES, "kept", 300)
    return 300


async def test_the_log_keeps_about_as_many_as_it_should(
    short: int, client: Redis, entries: Entries, log: ChangeLog
) -> None:
    entry = an_entry()
    await entries.create(entry, None)
    assert await log.is_whole()
    for number in range(short + 250):
        await rename(entries, entry.uuid, str(number))
    held = await client.xlen(keys.CHANGES)
    assert short <= held < short + 100
    assert not await log.is_whole()
    found = await log.from_(0, 1000)
    assert len(found) == held
    assert found[-1] == await log.latest()


async def test_a_log_of_fifty_thousand_changes_is_small(client: Redis, entries: Entries) -> None:
    entry = an_entry("a-name-as-long-as-most-are", folder="products/2025/spring")
    with origin.working_for("0123456789abcdef"), origin.acting_as("cms"):
        await entries.create(entry, None)
        [(_, fields)] = await client.xrange(keys.CHANGES)
        async with client.pipeline(transaction=False) as pipeline:
            for number in range(changes.KEPT + 10_000):
                pipeline.xadd(keys.CHANGES, fields, id=f"{2 * 10**15 + number}-0", maxlen=changes.KEPT)
            await pipeline.execute()
    assert changes.KEPT <= await client.xlen(keys.CHANGES) < changes.KEPT + 100
    assert await client.memory_usage(keys.CHANGES, samples=0) < 25_000_000


async def test_a_log_is_whole_until_something_was_dropped_and_anew_when_redis_was_emptied(
    client: Redis, entries: Entries, log: ChangeLog
) -> None:
    assert await log.is_whole(), "nothing has ever been written"
    for number in range(5):
        await entries.create(an_entry(str(number)), None)
    assert await log.is_whole()
    await client.xtrim(keys.CHANGES, maxlen=4, approximate=False)
    assert not await log.is_whole()
    await client.flushall()
    assert await log.is_whole()
    await entries.create(an_entry(), None)
    assert await log.is_whole()


async def test_a_log_that_redis_has_loaded_from_its_disk_says_the_same(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    client = connect(server.url)
    try:
        entries, log = Entries(client), ChangeLog(client)
        for number in range(5):
            await entries.create(an_entry(str(number)), None)
        before = await log.from_(0, 10)
        for is_whole in (True, False):
            server.stop()
            server.start()
            assert await log.from_(0, 10) == before
            assert await log.is_whole() is is_whole
            await client.xtrim(keys.CHANGES, maxlen=3, approximate=False)
            before = before[-3:]
    finally:
        await client.aclose()
        server.stop()


async def test_the_log_is_read_from_a_number_on_that_one_included(entries: Entries, log: ChangeLog) -> None:
    numbers = [(await entries.create(an_entry(str(number)), None)).number for number in range(5)]
    for at, number in enumerate(numbers):
        assert [one.number for one in await log.from_(number, 10)] == numbers[at:]
        assert [one.number for one in await log.from_(number - 1, 10)] == numbers[at:]
        assert [one.number for one in await log.from_(number, 2)] == numbers[at : at + 2]
    assert await log.from_(numbers[-1] + 1, 10) == []
    latest = await log.latest()
    assert latest is not None
    assert latest.number == numbers[-1]


# Waiting


@pytest.fixture
async def waiting_for_the_next(client: Redis, entries: Entries, log: ChangeLog) -> AsyncIterator["asyncio.Task[bool]"]:
    """Somebody who waits for what comes after the last change."""
    last = await entries.create(an_entry("last"), None)
    task = asyncio.create_task(log.wait_after(last.number, 2.5))

    async def is_blocked() -> bool:
        return bool((await client.info("clients"))["blocked_clients"])

    await eventually(is_blocked)
    yield task
    task.cancel()


async def test_who_waits_is_woken_by_the_next_change(
    entries: Entries, waiting_for_the_next: "asyncio.Task[bool]"
) -> None:
    assert not waiting_for_the_next.done()
    await entries.create(an_entry(), None)
    async with asyncio.timeout(1):
        assert await waiting_for_the_next is True


async def test_who_waits_is_woken_by_a_change_of_the_whole_catalog(
    entries: Entries, waiting_for_the_next: "asyncio.Task[bool]"
) -> None:
    await entries.clear()
    async with asyncio.timeout(1):
        assert await waiting_for_the_next is True


async def test_who_waits_in_vain_is_told_so_in_time(entries: Entries, log: ChangeLog) -> None:
    last = await entries.create(an_entry("last"), None)
    started = time.monotonic()
    assert await log.wait_after(last.number, 0.1) is False
    assert 0.05 < time.monotonic() - started < 1
    assert await log.wait_after(last.number, 0) is False, "no time at all is not for ever"


async def test_what_is_there_already_is_not_waited_for(entries: Entries, log: ChangeLog) -> None:
    change = await entries.create(an_entry(), None)
    async with asyncio.timeout(1):
        assert await log.wait_after(change.number - 1, 60) is True
        assert await log.wait_after(0, 60) is True
