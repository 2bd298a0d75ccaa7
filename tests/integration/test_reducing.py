"""Reductions on a real Redis with real storages: made after an upload, gone with their picture, and never an orphan."""

import asyncio
import hashlib
import io
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from services.core.assets import entries
from services.core.assets.entries import Entry, StoredFile, timestamp
from services.core.assets.facts import NO_FACTS
from services.core.assets.reductions import PREFIX, REVISION, Reduction, stored_as
from services.core.errors import StorageDown
from services.core.jobs.log import JobLog, Record, Status
from services.core.jobs.queue import JobQueue
from services.core.spool import prepare
from services.core.state import cancellation, entry_json, keys, reductions
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.leases import Leases
from services.core.state.leftovers import Leftovers
from services.core.storage import NewObject, Outcome, Storage, StorageSettings, open_storage
from services.core.storage.local import LocalStorage
from services.core.storage.verification import read_verified
from services.jobs import doctor
from services.jobs.describe import describer, reduce, upgrade
from services.jobs.describe.describer import Describer, consumer
from services.jobs.describe.reduce import ReduceAll, ReduceResult
from services.jobs.describe.sweep import sweep
from services.jobs.describe.upgrade import ask_for_reductions
from services.jobs.dumps.staging import Staging
from services.jobs.settings import JobsSettings
from services.jobs.upkeep.sync import sync
from tests.processes.distant_backend import Backend
from tests.processes.distant_backend import settings_for as distant_settings_for
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import S3Server
from tests.processes.s3_server import settings_for as s3_settings_for
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.objects import listed, put
from tests.support.photographs import CHINA
from tests.support.waits import eventually

SIDE = 256


def _photograph(name: str) -> bytes:
    image = Image.open(CHINA.with_name(name)).resize((2000, 1500))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


PHOTO, OTHER = _photograph("china.jpg"), _photograph("flower.jpg")
SMALL = CHINA.read_bytes()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A describer that let writers go first would wait a moment after each upload."""
    monkeypatch.setattr(describer, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(reduce, "PATIENCE_SECONDS", 0.0)


@pytest.fixture(params=["local", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "local":
        return StorageSettings(data_folder_path=tmp_path / "data")
    server: S3Server = request.getfixturevalue("s3_server")
    server.empty()
    return s3_settings_for(server.url, tmp_path / "tada")


@pytest.fixture
async def storage(settings: StorageSettings) -> AsyncIterator[Storage]:
    made = open_storage(settings)
    prepare(made.spool)
    await made.open()
    await made.ready()  # Which makes the bucket.
    yield made
    await made.close()


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "local")
    prepare(made.spool)
    return made


class System:
    """A worker's view of one storage."""

    def __init__(self, client: Redis, catalog: CatalogUser, storage: Storage, side: int = SIDE) -> None:
        self.client, self.catalog, self.storage = client, catalog, storage
        self.reducer, self.sight = catalog.reducer(storage, side), catalog.sight(storage, side)

    async def upload(self, base: str = "cat", content: bytes = PHOTO) -> Entry:
        entry = an_entry(base, signature=hashlib.sha256(content).hexdigest(), size=len(content))
        claim = await self.catalog.claims.make(entry.unique_name)
        entry = replace(entry, storage_key=claim.storage_key)
        await put(self.storage, entry.stored, content)
        await self.catalog.entries.create(entry, claim)
        return entry

    async def replace_file(self, entry: Entry, content: bytes) -> Entry:
        claim = await self.catalog.claims.make(entry.unique_name)
        stored = StoredFile(
            "image/jpeg", hashlib.sha256(content).hexdigest(), len(content), claim.storage_key, len(content)
        )
        await put(self.storage, replace(entry, storage_key=claim.storage_key).stored, content)
        changed, commit = await self.catalog.entries.change(
            entry.uuid, lambda old: entries.with_file(old, stored, "jpg"), claim
        )
        assert commit
        await Leftovers(self.catalog.reaper(self.storage)).clear([commit], 10)
        return changed

    async def delete(self, entry: Entry) -> None:
        _, commit = await self.catalog.entries.delete(entry.uuid, lambda found: None)
        await Leftovers(self.catalog.reaper(self.storage)).clear([commit], 10)

    async def uploaded(self, base: str = "cat", content: bytes = PHOTO) -> Entry:
        """Upload a picture and describe it."""
        entry = await self.upload(base, content)
        await self.sight.describe(entry)
        return await self.catalog.entries.get(entry.uuid)

    async def reduction(self, entry: Entry) -> Reduction:
        found = await self.catalog.reductions.of(entry)
        assert found
        return found

    async def files(self) -> set[str]:
        return set(await listed(self.storage, PREFIX))

    async def reduce(self, *, whole: bool = False) -> ReduceResult:
        log = ChangeLog(self.client)
        run = ReduceAll(
            self.catalog.entries, log, self.catalog.claims, self.sight, self.reducer, self.storage, whole=whole
        )
        return await run.run()

    async def settled(self) -> None:
        """Nothing is left to be done: no claim and no file that no record names."""
        await self.catalog.reaper(self.storage).settle_all()
        assert not await self.client.exists(keys.CLAIMS)
        records = [raw for page in [page async for page in self.catalog.reductions.pages()] for raw in page.values()]
        named = {reductions.read(raw).storage_key for raw in records}
        assert await self.files() == named
        assert not list(self.storage.spool.iterdir())


@pytest.fixture
def system(client: Redis, catalog: CatalogUser, storage: Storage) -> System:
    return System(client, catalog, storage)


@pytest.fixture
def on_disk(client: Redis, catalog: CatalogUser, local: LocalStorage) -> System:
    return System(client, catalog, local)


async def test_an_upload_gets_its_facts_and_a_reduction(system: System) -> None:
    entry = await system.upload()
    assert await system.sight.describe(entry)
    found = await system.catalog.entries.get(entry.uuid)
    assert (found.width, found.height) == (2000, 1500)
    made = await system.reduction(found)
    assert (made.width, made.height, made.side, made.of) == (256, 192, SIDE, entry.signature)
    content = await read_verified(system.storage, stored_as(found, made))
    assert Image.open(io.BytesIO(content)).size == (256, 192)
    assert await system.files() == {made.storage_key}
    assert not await system.sight.describe(found), "there is nothing more to do"
    await system.settled()


async def test_the_stream_brings_uploads_to_it(on_disk: System) -> None:
    entry = await on_disk.upload()
    queue = JobQueue(on_disk.client, JobLog(on_disk.client))
    made = Describer(on_disk.catalog.entries, ChangeLog(on_disk.client), on_disk.sight, queue, on_disk.catalog.warmer())
    task = asyncio.create_task(consumer(on_disk.client, on_disk.catalog.process, made).run())

    async def done() -> bool:
        return not await on_disk.client.xlen(keys.UNDESCRIBED)

    await eventually(done)
    await cancellation.end([task])
    await on_disk.reduction(await on_disk.catalog.entries.get(entry.uuid))


async def test_a_small_picture_has_facts_alone(on_disk: System) -> None:
    entry = await on_disk.uploaded(content=SMALL)
    assert entry.width == 640
    assert await on_disk.catalog.reductions.of(entry) is None
    await on_disk.settled()


async def test_a_replacement_takes_its_reduction_away_before_the_answer(system: System) -> None:
    entry = await system.uploaded()
    changed = await system.replace_file(entry, OTHER)
    assert await system.files() == set()
    await system.sight.describe(changed)
    assert len(await system.files()) == 1
    await system.settled()


async def test_a_delete_takes_its_reduction_away_before_the_answer(system: System) -> None:
    await system.delete(await system.uploaded())
    assert await listed(system.storage) == {}
    await system.settled()


async def test_an_entry_that_expires_keeps_it(on_disk: System) -> None:
    entry = await on_disk.uploaded()
    await on_disk.catalog.entries.change(entry.uuid, lambda old: entries.changed(old, expired=True))
    await on_disk.reduction(entry)


class Slow(LocalStorage):
    """A storage that lets something else happen once it has stored a file."""

    meanwhile: "System | None" = None

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        outcomes = await super().put(new)
        if self.meanwhile and new[0].object.key.startswith(PREFIX):
            system, self.meanwhile = self.meanwhile, None
            entry = entries_by_key(await system.catalog.entries.raw(an_entry().key))
            await system.replace_file(entry, OTHER)
        return outcomes


def entries_by_key(raw: bytes | None) -> Entry:
    assert raw
    return entry_json.read(raw)


async def test_a_picture_that_is_replaced_while_its_reduction_is_stored_leaves_nothing(
    client: Redis, catalog: CatalogUser, tmp_path: Path
) -> None:
    storage = Slow(tmp_path / "slow")
    prepare(storage.spool)
    system = System(client, catalog, storage)
    entry = await system.upload()
    storage.meanwhile = system
    await system.sight.describe(entry)
    await system.settled()
    assert await system.files() == set()


class Failing(LocalStorage):
    """A storage that takes no reductions."""

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        if new[0].object.key.startswith(PREFIX):
            return [StorageDown("It is down.")]
        return await super().put(new)


async def test_a_storage_that_fails_delays_the_reduction_and_not_the_facts(
    client: Redis, catalog: CatalogUser, tmp_path: Path
) -> None:
    storage = Failing(tmp_path / "failing")
    prepare(storage.spool)
    system = System(client, catalog, storage)
    entry = await system.upload()
    with pytest.raises(StorageDown):
        await system.sight.describe(entry)
    found = await catalog.entries.get(entry.uuid)
    assert found.facts != NO_FACTS
    await system.settled()
    again = System(client, catalog, LocalStorage(tmp_path / "failing"))
    assert await again.sight.describe(found)
    await again.settled()


@pytest.mark.parametrize("when", ["storing", "stored", "recorded"])
async def test_a_worker_that_is_killed_leaves_no_orphan(
    client: Redis, server: RedisServer, catalog: CatalogUser, tmp_path: Path, when: str
) -> None:
    storage = LocalStorage(tmp_path / "killed")
    prepare(storage.spool)
    system = System(client, catalog, storage)
    entry = await system.upload()
    command = (sys.executable, "-m", "tests.processes.reducer", server.url, str(tmp_path / "killed"), entry.uuid, when)
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == -signal.SIGKILL
    assert len(await system.files()) == (0 if when == "storing" else 1)
    assert len(list(storage.spool.iterdir())) == (1 if when == "storing" else 0)
    assert await client.hlen(keys.CLAIMS) == (0 if when == "recorded" else 1)  # type: ignore[misc]
    assert (await catalog.reductions.of(entry) is None) == (when != "recorded")
    async for alive in client.scan_iter("tada:alive:*"):
        await client.delete(alive)  # As if ten seconds had passed.
    await catalog.reaper(storage).settle_all()
    found = await catalog.entries.get(entry.uuid)
    await system.sight.describe(found)
    await system.reduction(found)
    await system.settled()


# The job


async def test_the_job_makes_what_is_missing_and_nothing_twice(system: System) -> None:
    without = System(system.client, system.catalog, system.storage, side=0)
    uploaded = [await without.uploaded(f"cat{number}") for number in range(3)]
    await without.uploaded("small", SMALL)
    assert await system.files() == set()
    found = await system.reduce()
    assert (found.checked, found.made_count, found.count, found.removed_count) == (4, 3, 3, 0)
    assert found.bytes == sum((await listed(system.storage, PREFIX)).values())
    made = [await system.reduction(entry) for entry in uploaded]
    again = await system.reduce()
    assert (again.checked, again.made_count, again.count, again.bytes) == (4, 0, 3, found.bytes)
    assert [await system.reduction(entry) for entry in uploaded] == made
    await system.settled()


async def test_another_side_makes_all_anew_and_none_removes_all(on_disk: System) -> None:
    entry = await on_disk.uploaded()
    larger = System(on_disk.client, on_disk.catalog, on_disk.storage, side=400)
    nothing = System(on_disk.client, on_disk.catalog, on_disk.storage, side=0)
    assert (await larger.reduce()).made_count == 1
    assert (await on_disk.reduction(entry)).width == 400
    await on_disk.settled()
    assert (await nothing.reduce()).removed_count == 1
    assert await on_disk.catalog.reductions.of(entry) is None
    assert await on_disk.files() == set()
    await on_disk.settled()


@pytest.mark.parametrize("harm", ["missing", "cut", "changed"])
async def test_a_reduction_that_is_missing_or_damaged_is_made_anew(on_disk: System, harm: str) -> None:
    entry = await on_disk.uploaded()
    before = await on_disk.reduction(entry)
    path = on_disk.storage.spool.parent / before.storage_key
    whole = path.read_bytes()
    match harm:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(whole[:-1])
        case "changed":
            path.write_bytes(whole[:-1] + b"!")
    if harm == "changed":
        assert (await on_disk.reduce()).made_count == 0, "only a look at all of it shows that"
    assert (await on_disk.reduce(whole=True)).made_count == 1
    made = await on_disk.reduction(entry)
    assert made.storage_key != before.storage_key
    await read_verified(on_disk.storage, stored_as(entry, made))
    await on_disk.settled()


async def test_what_cannot_be_looked_at_is_named(on_disk: System) -> None:
    entry = await on_disk.uploaded()
    await on_disk.storage.delete([entry.stored, stored_as(entry, await on_disk.reduction(entry)).stored])
    found = await on_disk.reduce()
    assert found.failed_count == 1
    assert [(one.uuid, one.reason) for one in found.failed] == [(entry.uuid, f"no file {entry.storage_key}")]


async def restore(system: System, *wanted: Entry) -> None:
    staging = Staging(system.client)
    await staging.add(wanted)
    await staging.switch()


async def test_after_a_restore_what_fits_stays_and_the_rest_goes(on_disk: System) -> None:
    kept, gone = await on_disk.uploaded("kept"), await on_disk.uploaded("gone")
    other = await on_disk.uploaded("other", OTHER)
    await restore(on_disk, kept, replace(other, signature=kept.signature, size=kept.size, storage_key=kept.storage_key))
    made = await on_disk.reduction(kept)
    found = await on_disk.reduce()
    assert found.made_count == 1, "that of the entry which has other bytes now"
    assert await on_disk.reduction(kept) == made
    assert await on_disk.catalog.reductions.raws([gone.key]) == [None]
    await on_disk.settled()


async def test_a_restore_asks_for_the_job(on_disk: System) -> None:
    await restore(on_disk, await on_disk.uploaded())
    log = JobLog(on_disk.client)
    made = Describer(
        on_disk.catalog.entries,
        ChangeLog(on_disk.client),
        on_disk.sight,
        JobQueue(on_disk.client, log),
        on_disk.catalog.warmer(),
    )
    task = asyncio.create_task(consumer(on_disk.client, on_disk.catalog.process, made).run())

    async def asked() -> bool:
        return {record.name async for record in log.latest()} == {"describe", "reduce"}

    await eventually(asked)
    await cancellation.end([task])


async def test_the_job_is_asked_for_when_the_side_changes(on_disk: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "_LOOK_SECONDS", 0.01)
    assert not await asked_for(on_disk, SIDE), "there is no entry"
    await on_disk.client.delete(keys.REDUCED)
    await on_disk.upload()
    assert not await asked_for(on_disk, 0), "there are none, and none are wanted"
    for side in (SIDE, 512, 0, SIDE):
        assert await asked_for(on_disk, side), side
        assert await on_disk.catalog.reductions.all_made_for() == f"{side} {REVISION}"
        assert not await asked_for(on_disk, side), "it is done"


async def asked_for(on_disk: System, side: int) -> bool:
    """Say whether the job is asked for at the start of a worker with this setting; do it then."""
    log, worker = JobLog(on_disk.client), System(on_disk.client, on_disk.catalog, on_disk.storage, side)
    asking = asyncio.create_task(
        ask_for_reductions(worker.catalog.entries, worker.reducer, JobQueue(on_disk.client, log), log)
    )
    was_asked = False
    async with asyncio.timeout(30):
        while not asking.done():
            for job in [job async for job in log.latest() if job.name == "reduce" and not job.ended]:
                was_asked = True
                await worker.reduce()
                await end(on_disk, job, "done")
            await asyncio.sleep(0.01)
    worker.sight.close()
    await asking
    return was_asked


async def end(on_disk: System, job: Record, status: Status) -> None:
    """Let a worker end a job."""
    leases = Leases(on_disk.client)
    assert await leases.take(job.id, "token")
    assert await JobLog(on_disk.client).note(replace(job, status=status, ended_at=timestamp()), "token")


async def test_a_job_that_another_worker_has_not_done_as_wanted_is_asked_for_again(
    on_disk: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "_LOOK_SECONDS", 0.01)
    await on_disk.uploaded()
    log = JobLog(on_disk.client)
    asking = [
        asyncio.create_task(
            ask_for_reductions(on_disk.catalog.entries, on_disk.reducer, JobQueue(on_disk.client, log), log)
        )
        for _ in range(2)
    ]

    async def next_one() -> Record:
        async with asyncio.timeout(30):
            while True:
                open_jobs = [job async for job in log.latest() if not job.ended]
                if open_jobs:
                    [job] = open_jobs
                    return job
                await asyncio.sleep(0.01)

    # The version before does not know it.
    await end(on_disk, await next_one(), "failed")
    # A worker with another setting does it in its own way.
    job = await next_one()
    other = System(on_disk.client, on_disk.catalog, on_disk.storage, 512)
    await other.reduce()
    other.sight.close()
    await end(on_disk, job, "done")
    job = await next_one()
    assert not any(task.done() for task in asking)
    assert (await on_disk.reduce()).made_count == 1
    await end(on_disk, job, "done")
    async with asyncio.timeout(30):
        await asyncio.gather(*asking)
    assert len([job async for job in log.latest()]) == 3


async def test_the_doctor_counts_them(on_disk: System, server: RedisServer) -> None:
    await on_disk.uploaded()
    settings = JobsSettings(redis_url=SecretStr(server.url), purge_token=SecretStr("token-of-the-tests"))
    [found] = [finding async for finding in doctor.reductions(settings)]
    assert (found.said, found.mend) == ("1 pictures have one (REDUCTION_SIDE is 1024)", "")
    nowhere = JobsSettings(redis_url=SecretStr("redis://127.0.0.1:1"), purge_token=SecretStr("token-of-the-tests"))
    assert [finding async for finding in doctor.reductions(nowhere)] == []


# Sweeping


async def test_files_that_nobody_knows_are_swept_and_others_are_not(system: System) -> None:
    entry = await system.uploaded()
    claim = await system.catalog.claims.make_for_reduction(entry.unique_name)
    for key in (claim.storage_key, f"{PREFIX}DEV/lost.webp.0123456789abcdef", f"{PREFIX}anything"):
        await put(system.storage, replace(entry, storage_key=key).stored, b"bytes")
    removed = await sweep(system.catalog.entries, system.reducer, system.catalog.claims, system.storage)
    assert removed == 2
    assert await system.files() == {(await system.reduction(entry)).storage_key, claim.storage_key}


async def test_after_all_entries_are_removed_nothing_stays(on_disk: System) -> None:
    await on_disk.uploaded()
    await on_disk.catalog.entries.clear()
    assert await sweep(on_disk.catalog.entries, on_disk.reducer, on_disk.catalog.claims, on_disk.storage) == 1
    await on_disk.settled()
    assert await on_disk.files() == set()


async def test_sync_neither_counts_nor_names_them(system: System) -> None:
    user = system.catalog
    await system.uploaded()
    found = await sync(user.entries, user.claims, user.doubts, system.storage, dry_run=False, max_percent=10)
    assert (found.listed, found.unknown, found.missing_count) == (1, [], 0)


# A distant backend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    made = Backend(tmp_path / "backend")
    made.start()
    yield made
    made.stop()


async def test_a_distant_backend_has_none(
    client: Redis, catalog: CatalogUser, backend: Backend, tmp_path: Path
) -> None:
    storage = open_storage(distant_settings_for(backend.url, tmp_path / "tada"))
    prepare(storage.spool)
    await storage.open()
    system = System(client, catalog, storage)
    entry = an_entry(signature=hashlib.sha256(PHOTO).hexdigest(), size=len(PHOTO))
    await put(storage, entry.stored, PHOTO)
    await catalog.entries.create(entry, None)
    await system.sight.describe(entry)
    found = await catalog.entries.get(entry.uuid)
    assert found.width == 2000
    assert await catalog.reductions.of(found) is None
    assert (await system.reduce()).side == 0
    await storage.close()
