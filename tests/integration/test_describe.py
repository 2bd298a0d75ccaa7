"""Describing on a real Redis: what was uploaded gets its facts once, whatever happens to workers and storages."""

import asyncio
import hashlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace

import orjson
import pytest

from services.core.assets import entries
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.facts import NO_FACTS, Facts
from services.core.errors import StorageDown
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.state import cancellation, keys, stream
from services.core.state.changes import Change, ChangeLog, EntryDescribed, EntryWritten
from services.core.state.connection import Redis
from services.core.storage.local import LocalStorage
from services.jobs import writers_first
from services.jobs.describe import describer, inspection
from services.jobs.describe.describer import Describer, consumer, describe_all
from services.jobs.dumps.staging import Staging
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry, fill
from tests.support.clocks import Clock
from tests.support.objects import put
from tests.support.photographs import CHINA, FLOWER
from tests.support.waits import eventually

PHOTO, FLOWERS = CHINA.read_bytes(), FLOWER.read_bytes()
SEEN = Facts(1, 2, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A describer that let writers go first would wait a moment after each upload."""
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 0.0)


@pytest.fixture
def log(client: Redis) -> JobLog:
    return JobLog(client)


@asynccontextmanager
async def describing(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, workers: int = 1
) -> AsyncIterator[list[asyncio.Task[None]]]:
    queue, log = JobQueue(client, JobLog(client)), ChangeLog(client)
    describers = [
        Describer(catalog.entries, log, catalog.sight(storage), queue, catalog.warmer()) for _ in range(workers)
    ]
    made = [consumer(client, catalog.process, one) for one in describers]
    tasks = [asyncio.create_task(one.run()) for one in made]
    try:
        yield tasks
    finally:
        await cancellation.end(tasks)


async def upload(catalog: CatalogUser, storage: LocalStorage, base: str = "cat", content: bytes = PHOTO) -> Entry:
    entry = an_entry(base, signature=hashlib.sha256(content).hexdigest(), size=len(content))
    claim = await catalog.claims.make(entry.unique_name)
    entry = replace(entry, storage_key=claim.storage_key)
    await put(storage, entry.stored, content)
    await catalog.entries.create(entry, claim)
    return entry


async def replace_file(catalog: CatalogUser, storage: LocalStorage, entry: Entry, content: bytes) -> Entry:
    claim = await catalog.claims.make(entry.unique_name)
    stored = StoredFile("image/jpeg", hashlib.sha256(content).hexdigest(), len(content), claim.storage_key, 1)
    await put(storage, replace(entry, storage_key=claim.storage_key).stored, content)
    changed, _ = await catalog.entries.change(entry.uuid, lambda old: entries.with_file(old, stored, "jpg"), claim)
    return changed


async def all_done(client: Redis) -> bool:
    return not await client.xlen(keys.UNDESCRIBED)


async def changes(client: Redis) -> list[Change]:
    return await ChangeLog(client).from_(0, 1000)


async def test_an_upload_is_described_and_nothing_else_of_it_changes(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    entry = await upload(catalog, storage)
    before = await catalog.entries.revision()
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    found = await catalog.entries.get(entry.uuid)
    assert (found.width, found.height, found.dominant_color) == (640, 427, "#eef2f9")
    assert found.with_facts(NO_FACTS) == entry
    assert await catalog.entries.revision() != before, "the list has changed"
    [uploaded, described] = await changes(client)
    assert isinstance(uploaded, EntryWritten)
    assert isinstance(described, EntryDescribed)
    assert described.uuid == entry.uuid
    assert not await client.exists(keys.CLAIMS), "nothing is left behind by it"


async def test_a_picture_waits_while_entries_are_being_written(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(writers_first, "_QUIET_SECONDS", 0.05)
    clock = Clock(monkeypatch)
    entry = await upload(catalog, storage)
    [written] = await changes(client)
    clock.now = written.number / 1e6 + 0.049
    async with describing(client, catalog, storage):
        await clock.asked_again()
        assert (await catalog.entries.get(entry.uuid)).facts == NO_FACTS
        clock.now += 0.001001
        await eventually(lambda: all_done(client))
    assert (await catalog.entries.get(entry.uuid)).width == 640


async def test_writers_that_never_rest_do_not_keep_a_picture_waiting_for_ever(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 0.15)
    monkeypatch.setattr(writers_first, "_QUIET_SECONDS", 0.05)
    clock = Clock(monkeypatch)
    entry = await upload(catalog, storage)
    [written] = await changes(client)
    clock.now = written.number / 1e6
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert (await catalog.entries.get(entry.uuid)).width == 640
    assert clock.asked >= 3


async def test_describing_does_not_wait_for_itself(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 60.0)
    clock = Clock(monkeypatch)
    uploaded = [await upload(catalog, storage, f"cat{number}") for number in range(5)]
    clock.now = (await changes(client))[-1].number / 1e6 + 1  # And not one moment later.
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert {(await catalog.entries.get(entry.uuid)).width for entry in uploaded} == {640}


async def test_a_log_whose_clock_is_ahead_keeps_no_picture_waiting_for_ever(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 0.3)
    await client.set(keys.REVISION, str(int((time.time() + 86400) * 1e6)))
    entry = await upload(catalog, storage)
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert (await catalog.entries.get(entry.uuid)).width == 640


async def test_a_replaced_file_has_no_facts_until_it_is_described_itself(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    entry = await upload(catalog, storage)
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    first = await catalog.entries.get(entry.uuid)
    changed = await replace_file(catalog, storage, first, FLOWERS)
    assert changed.facts == NO_FACTS
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    second = await catalog.entries.get(entry.uuid)
    assert (second.version, second.width) == (2, 640)
    assert second.blurhash not in (None, first.blurhash)


async def test_facts_of_old_bytes_never_come_to_new_ones(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    entry = await upload(catalog, storage)
    changed = await replace_file(catalog, storage, entry, FLOWERS)
    assert not await catalog.entries.describe(entry.key, entry.signature, SEEN)
    assert await catalog.entries.get(entry.uuid) == changed
    assert await catalog.entries.describe(entry.key, changed.signature, SEEN)
    assert not await catalog.entries.describe("00000000-0000-5000-8000-000000000000", changed.signature, SEEN)


async def test_the_same_facts_again_are_no_change(client: Redis, catalog: CatalogUser, storage: LocalStorage) -> None:
    entry = await upload(catalog, storage)
    for _ in range(2):
        assert await catalog.entries.describe(entry.key, entry.signature, SEEN)
    assert len(await changes(client)) == 2


async def test_facts_and_a_change_of_fields_at_once_both_stay(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    entry = await upload(catalog, storage)
    await asyncio.gather(
        *(catalog.entries.describe(entry.key, entry.signature, replace(SEEN, width=n)) for n in range(1, 9)),
        *(
            catalog.entries.change(entry.uuid, lambda old, n=n: replace(old, external_id=f"{old.external_id or ''}{n}"))  # type: ignore[misc]
            for n in range(8)
        ),
    )
    found = await catalog.entries.get(entry.uuid)
    assert sorted(found.external_id or "") == [*"01234567"]
    assert found.height == 2


async def test_fields_are_changed_without_describing_again_and_a_pdf_never_is(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await upload(catalog, storage, content=b"no picture")
    await client.delete(keys.UNDESCRIBED)
    await catalog.entries.change(entry.uuid, lambda old: replace(old, information="new"))
    assert await all_done(client)
    # It is only warmed. Its file is not even looked for.
    await catalog.entries.create(
        an_entry("paper", original_mimetype="application/pdf", mimetype="application/pdf"), None
    )
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert "undescribed" not in caplog.messages


async def test_what_cannot_be_looked_at_is_tried_once(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    broken = await upload(catalog, storage, "broken", PHOTO[:9000])
    gone = await upload(catalog, storage, "gone")
    await storage.delete([gone.stored])
    other = await upload(catalog, storage, "other")
    (storage.spool.parent / other.storage_key).write_bytes(FLOWERS)
    fine = await upload(catalog, storage, "fine")
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert [(await catalog.entries.get(entry.uuid)).width for entry in (broken, gone, other, fine)] == [
        None,
        None,
        None,
        640,
    ]
    said = [record.__dict__["tada"] for record in caplog.records if record.getMessage() == "undescribed"]
    assert [line["asset"] for line in said] == ["/DEV/broken.webp", "/DEV/gone.webp", "/DEV/other.webp"]


async def test_workers_share_what_there_is(client: Redis, catalog: CatalogUser, storage: LocalStorage) -> None:
    uploaded = [await upload(catalog, storage, f"cat{number}") for number in range(6)]
    async with describing(client, catalog, storage, workers=3):
        await eventually(lambda: all_done(client))
    assert {(await catalog.entries.get(entry.uuid)).width for entry in uploaded} == {640}
    assert sum(isinstance(change, EntryDescribed) for change in await changes(client)) == 6


async def test_a_storage_that_is_down_delays_it(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(describer, "_REST_SECONDS", 0.05)
    monkeypatch.setattr(stream, "BLOCK", 0.05)
    entry, tried = await upload(catalog, storage), []
    whole = inspection.inspect

    async def look(*given: object) -> inspection.Seen:
        tried.append(given)
        if len(tried) <= 5:
            raise StorageDown("It is down.")
        return await whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(describer, "inspect", look)
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert (await catalog.entries.get(entry.uuid)).width == 640


async def test_a_worker_that_is_killed_in_the_middle_leaves_it_to_the_next(
    server: RedisServer, client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.5)
    entry = await upload(catalog, storage)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.processes.worker", server.url, str(storage.spool.parent.parent), "describe"),
        env=dict(os.environ),
    )

    async def has_begun() -> bool:
        return bool((await client.xpending(keys.UNDESCRIBED, keys.UNDESCRIBED_GROUP))["pending"])

    async def has_a_group() -> bool:
        return bool(await client.exists(keys.UNDESCRIBED)) and bool(await client.xinfo_groups(keys.UNDESCRIBED))

    await eventually(has_a_group)
    await eventually(has_begun)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert (await catalog.entries.get(entry.uuid)).facts == NO_FACTS
    async with describing(client, catalog, storage):
        await eventually(lambda: all_done(client))
    assert (await catalog.entries.get(entry.uuid)).width == 640


async def test_a_picture_that_workers_die_of_is_given_up(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.05)
    entry = await upload(catalog, storage)
    looked = 0

    async def look(*given: object) -> Facts:
        nonlocal looked
        looked += 1
        raise asyncio.CancelledError  # As when the process ends.

    monkeypatch.setattr(describer, "inspect", look)
    for _ in range(10):
        async with describing(client, catalog, storage) as [task]:
            await asyncio.wait(
                [task, asyncio.create_task(eventually(lambda: all_done(client)))], return_when="FIRST_COMPLETED"
            )
        if await all_done(client):
            break
        await asyncio.sleep(0.06)
    assert await all_done(client)
    assert looked == 3
    assert (await catalog.entries.get(entry.uuid)).facts == NO_FACTS


async def test_the_job_describes_what_is_there_already_and_says_what_it_could_not(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    older = [an_entry(base, signature=hashlib.sha256(PHOTO).hexdigest(), size=len(PHOTO)) for base in ("a", "b", "c")]
    broken = an_entry("broken", signature=hashlib.sha256(PHOTO[:9000]).hexdigest(), size=9000)
    for entry in older[:2]:
        await put(storage, entry.stored, PHOTO)
    await put(storage, broken.stored, PHOTO[:9000])
    known = an_entry("known").with_facts(SEEN)
    paper = an_entry("paper", original_mimetype="application/pdf")
    await fill(client, [*older, broken, known, paper])
    found = await describe_all(catalog.entries, ChangeLog(client), catalog.sight(storage))
    assert (found.checked, found.described_count, found.undescribed_count) == (6, 2, 2)
    assert [(one.unique_name, one.reason[:20]) for one in found.undescribed] == [
        ("/DEV/c.webp", "no file DEV/c.webp"),
        ("/DEV/broken.webp", "The file cannot be d"),
    ]
    assert (await catalog.entries.get(known.uuid)).facts == SEEN
    again = await describe_all(catalog.entries, ChangeLog(client), catalog.sight(storage))
    assert (again.described_count, again.undescribed_count) == (0, 2)


async def test_the_job_lets_writers_go_first(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    entry = await upload(catalog, storage)
    [written] = await changes(client)
    clock.now = written.number / 1e6
    task = asyncio.create_task(describe_all(catalog.entries, ChangeLog(client), catalog.sight(storage)))
    await clock.asked_again()
    assert not task.done()
    assert (await catalog.entries.get(entry.uuid)).facts == NO_FACTS
    clock.now += 0.2
    assert (await task).described_count == 1


async def test_two_runs_of_the_job_at_once_do_no_harm(
    client: Redis, catalog: CatalogUser, storage: LocalStorage
) -> None:
    older = [an_entry(f"a{n}", signature=hashlib.sha256(PHOTO).hexdigest(), size=len(PHOTO)) for n in range(4)]
    for entry in older:
        await put(storage, entry.stored, PHOTO)
    await fill(client, older)
    await asyncio.gather(*(describe_all(catalog.entries, ChangeLog(client), catalog.sight(storage)) for _ in range(2)))
    assert {(await catalog.entries.get(entry.uuid)).width for entry in older} == {640}
    assert len(await changes(client)) == 4


async def test_a_restored_catalog_and_one_from_before_there_were_facts_are_described_by_a_job(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, log: JobLog
) -> None:
    entry = an_entry()
    old = {name: value for name, value in asdict(entry).items() if name not in Facts.__slots__}
    await fill(client, [entry])
    await client.hset(keys.ENTRIES, entry.key, orjson.dumps(old).decode())  # type: ignore[misc]
    for _ in range(2):
        async with describing(client, catalog, storage):
            await eventually(lambda: is_asked_for(log, ["upgrade"]))
    staging = Staging(client)
    await staging.add([entry])
    await staging.switch()
    async with describing(client, catalog, storage):
        await eventually(lambda: is_asked_for(log, ["restore", "upgrade"]))
        await eventually(lambda: all_done(client))


async def test_an_empty_catalog_needs_no_job(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, log: JobLog
) -> None:
    async with describing(client, catalog, storage):
        await upload(catalog, storage)
        await eventually(lambda: all_done(client))
    assert await is_asked_for(log, [])


async def is_asked_for(log: JobLog, wanted: list[str]) -> bool:
    found = [record async for record in log.latest() if record.name == "describe"]
    return [record.asked_by for record in found] == wanted
