"""What a change leaves behind in the storage: gone before the answer, or left to the jobs worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.assets.entries import Entry
from services.core.errors import StorageDown
from services.core.spool import prepare
from services.core.state import commands, keys
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis, connect
from services.core.state.leftovers import Leftovers
from services.core.state.stale_claims import StaleClaims
from services.core.storage import ObjectMissing, StoredObject
from services.core.storage.local import LocalStorage
from services.jobs.dumps.staging import Staging
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.objects import listed, put
from tests.support.waits import eventually

PHOTO = b"\xff\xd8\xff\xe0 a photograph"


class Halting(LocalStorage):
    """A storage whose deletes fail, or do not end, as long as they are told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_down = False
        self.held = ""
        """The key of an object that the storage does not delete."""
        self.asked = asyncio.Event()
        self.may_delete = asyncio.Event()
        self.may_delete.set()

    async def ready(self) -> None:
        if self.is_down:
            raise StorageDown("It is down.")

    async def delete(self, objects: Sequence[StoredObject]) -> None:
        self.asked.set()
        if self.is_down or self.held in [one.key for one in objects]:
            raise StorageDown("It is down.")
        await self.may_delete.wait()
        await super().delete(objects)


@pytest.fixture
def storage(tmp_path: Path) -> Halting:
    made = Halting(tmp_path / "data")
    prepare(made.spool)
    return made


@pytest.fixture
async def catalog(client: Redis) -> AsyncIterator[CatalogUser]:
    """The catalog as the service has it that answers: a process that lives."""
    made = CatalogUser(client)

    async def lives() -> bool:
        return bool(await client.exists(keys.alive(made.process.name)))

    async with made.process.alive():
        await eventually(lives)
        yield made


@pytest.fixture
def jobs(client: Redis) -> CatalogUser:
    """The catalog as the jobs worker has it: another process."""
    return CatalogUser(client)


@pytest.fixture
def leftovers(catalog: CatalogUser, storage: Halting) -> Leftovers:
    return Leftovers(catalog.reaper(storage))


async def upload(catalog: CatalogUser, storage: Halting, base: str = "cat") -> Entry:
    claim = await catalog.claims.make(an_entry(base).unique_name)
    entry = an_entry(base, storage_key=claim.storage_key, size=len(PHOTO))
    await put(storage, entry.stored, PHOTO)
    await catalog.entries.create(entry, claim)
    return entry


async def replaced(catalog: CatalogUser, storage: Halting, entry: Entry) -> Commit:
    """Give an entry other bytes under another key."""
    claim = await catalog.claims.make(entry.unique_name)
    await put(storage, replace(entry, storage_key=claim.storage_key).stored, PHOTO)
    _, change = await catalog.entries.change(
        entry.uuid, lambda old: replace(old, storage_key=claim.storage_key, version=old.version + 1), claim
    )
    assert change is not None
    return change


async def deleted(catalog: CatalogUser, entry: Entry) -> Commit:
    _, change = await catalog.entries.delete(entry.uuid, lambda found: None)
    return change


async def claims(client: Redis) -> dict[bytes, bytes]:
    return await client.hgetall(keys.CLAIMS)  # type: ignore[misc, no-any-return]


async def test_the_bytes_of_what_is_deleted_are_gone_before_the_answer(
    client: Redis, catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry, other = await upload(catalog, storage), await upload(catalog, storage, "other")
    await leftovers.clear([await deleted(catalog, entry)], 10)
    assert set(await listed(storage)) == {other.storage_key}
    assert await claims(client) == {}


async def test_the_bytes_of_what_is_replaced_are_gone_before_the_answer_and_the_new_ones_stay(
    client: Redis, catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry = await upload(catalog, storage)
    for _ in range(3):
        change = await replaced(catalog, storage, await catalog.entries.get(entry.uuid))
        await leftovers.clear([change], 10)
        assert set(await listed(storage)) == {(await catalog.entries.get(entry.uuid)).storage_key}
        assert await claims(client) == {}


async def test_what_many_changes_leave_behind_is_deleted_together(
    client: Redis, catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    changes = [await deleted(catalog, await upload(catalog, storage, f"cat-{at}")) for at in range(30)]
    await leftovers.clear(changes, 10)
    assert await listed(storage) == {}
    assert await claims(client) == {}


async def test_a_change_that_leaves_nothing_behind_costs_nothing(
    catalog: CatalogUser, storage: Halting, leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await upload(catalog, storage)
    _, change = await catalog.entries.change(entry.uuid, lambda old: replace(old, information="new"))
    assert change is not None
    monkeypatch.setattr(StaleClaims, "take_leftover", None)
    for changes in ([change], [], [Commit(17)]):
        await leftovers.clear(changes, 10)
    assert not storage.asked.is_set()
    assert set(await listed(storage)) == {entry.storage_key}


async def test_a_storage_that_is_slow_holds_an_answer_up_no_longer_than_it_may(
    client: Redis, catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    change = await deleted(catalog, await upload(catalog, storage))
    storage.may_delete.clear()
    started = time.monotonic()
    await leftovers.clear([change], 0.1)
    assert 0.05 < time.monotonic() - started < 1
    await leftovers.clear([], 0.1)
    storage.may_delete.set()

    async def are_gone() -> bool:
        return await listed(storage) == {} and await claims(client) == {}

    await eventually(are_gone)  # Behind the answer.


async def test_without_any_time_it_is_done_behind_the_answer(
    client: Redis, catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    await leftovers.clear([await deleted(catalog, await upload(catalog, storage))], 0)

    async def are_gone() -> bool:
        return await listed(storage) == {} and await claims(client) == {}

    await eventually(are_gone)


async def test_a_storage_that_is_down_fails_no_answer_and_what_is_left_is_deleted_later(
    client: Redis,
    catalog: CatalogUser,
    jobs: CatalogUser,
    storage: Halting,
    leftovers: Leftovers,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = await upload(catalog, storage)
    change = await deleted(catalog, entry)
    storage.is_down = True
    async with asyncio.timeout(5):
        await leftovers.clear([change], 60)
    assert "leftovers_delayed" in caplog.messages
    assert set(await claims(client)) == {entry.storage_key.encode()}
    storage.is_down = False

    async def are_gone() -> bool:
        await jobs.reaper(storage).settle_all()
        # The claim goes after the bytes.
        return await listed(storage) == {} and await claims(client) == {}

    # By the jobs worker, while the service that could not do it lives on; or by that service.
    await eventually(are_gone, within=5)


async def test_what_the_worker_could_not_delete_it_deletes_when_the_storage_is_back(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entries = [await upload(catalog, storage, f"cat-{at}") for at in range(3)]
    await client.set(keys.alive(jobs.process.name), b"1")
    storage.is_down = True
    changes = [await deleted(catalog, entry) for entry in entries]
    for _ in range(2):
        with pytest.raises(StorageDown):
            await jobs.reaper(storage).settle_all()
    await leftovers.clear(changes, 10)
    assert len(await claims(client)) == 3
    storage.is_down = False
    assert await jobs.reaper(storage).settle_all() == 3
    assert (await listed(storage), await claims(client)) == ({}, {})


async def test_what_the_worker_could_not_delete_may_be_deleted_by_any_other(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting
) -> None:
    await deleted(catalog, await upload(catalog, storage))
    storage.is_down = True
    await client.set(keys.alive(jobs.process.name), b"1")
    with pytest.raises(StorageDown):
        await jobs.reaper(storage).settle_all()
    storage.is_down = False
    assert await CatalogUser(client).reaper(storage).settle_all() == 1
    assert (await listed(storage), await claims(client)) == ({}, {})


async def test_an_object_that_cannot_be_deleted_keeps_no_other_from_it(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [await upload(catalog, storage, f"cat-{at}") for at in range(150)]
    storage.held = entries[70].storage_key
    for entry in entries:
        await deleted(catalog, entry)
    assert await jobs.reaper(storage).settle_all() >= 149
    assert set(await listed(storage)) == {storage.held}
    assert "object_stays" in caplog.messages
    storage.held = ""
    assert await jobs.reaper(storage).settle_all() == 1
    assert (await listed(storage), await claims(client)) == ({}, {})


async def test_a_delete_that_arrives_late_takes_nothing_that_was_written_since(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry = await upload(catalog, storage)
    storage.is_down = True
    await leftovers.clear([await deleted(catalog, entry)], 10)
    storage.is_down = False
    assert await jobs.reaper(storage).settle_all() == 1
    again = await upload(catalog, storage)
    await storage.delete([entry.stored])  # The one that seemed to have failed.
    assert again.storage_key != entry.storage_key
    assert await storage.read(again.stored) == PHOTO


async def test_redis_that_goes_away_in_the_middle_leaves_no_claim_with_who_lives_on(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [await deleted(catalog, await upload(catalog, storage, f"cat-{at}")) for at in range(3)]
    run, calls = commands.hget, 0

    async def fails(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:  # When all have been taken over.
            raise RedisConnectionError
        return await run(*given)

    monkeypatch.setattr(commands, "hget", fails)
    await Leftovers(catalog.reaper(storage)).clear(changes, 10)
    monkeypatch.undo()
    assert len(await claims(client)) == 3
    await catalog.claims.tidy()
    assert await jobs.reaper(storage).settle_all() == 3
    assert (await listed(storage), await claims(client)) == ({}, {})


async def test_a_file_that_is_only_to_be_catalogued_stays_whoever_dies(
    client: Redis, jobs: CatalogUser, storage: Halting
) -> None:
    dead = CatalogUser(client)
    entry = an_entry()
    await put(storage, entry.stored, PHOTO)
    assert await dead.claims.make_on_stored(entry.unique_name) is not None
    assert await jobs.reaper(storage).settle_all() == 1
    assert await storage.read(entry.stored) == PHOTO
    assert await claims(client) == {}


async def test_what_a_service_that_died_has_left_is_deleted_by_the_worker(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting
) -> None:
    dead = CatalogUser(client)
    entry = await upload(catalog, storage)
    change = await deleted(catalog, entry)
    assert change.leftover is not None
    assert await dead.stale.take_leftover(change.leftover) is not None
    assert await jobs.reaper(storage).settle_all() == 1
    assert await listed(storage) == {}
    assert await claims(client) == {}


async def test_without_redis_no_answer_fails_and_what_is_left_is_deleted_later(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting
) -> None:
    change = await deleted(catalog, await upload(catalog, storage))
    away = connect("redis://127.0.0.1:1")
    async with asyncio.timeout(5):
        gone = CatalogUser(away)
        await Leftovers(gone.reaper(storage)).clear([change], 60)
    await away.aclose()
    assert await jobs.reaper(storage).settle_all() == 1
    assert await listed(storage) == {}


async def test_bytes_that_are_in_use_again_are_not_deleted(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry = await upload(catalog, storage)
    change = await deleted(catalog, entry)
    await jobs.reaper(storage).settle_all()  # The worker was faster.
    again = await upload(catalog, storage)
    assert again.storage_key == entry.storage_key
    await leftovers.clear([change], 10)
    assert await storage.read(again.stored) == PHOTO
    assert await claims(client) == {}


async def test_who_asks_for_the_bytes_of_what_was_deleted_finds_none(
    catalog: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry = await upload(catalog, storage)
    await leftovers.clear([await deleted(catalog, entry)], 10)
    with pytest.raises(ObjectMissing):
        await storage.read(entry.stored)
    again = await upload(catalog, storage)
    assert again.storage_key == entry.storage_key, "the plain key is free"


async def test_bytes_that_an_entry_refers_to_again_when_the_storage_is_back_stay(
    client: Redis, catalog: CatalogUser, jobs: CatalogUser, storage: Halting, leftovers: Leftovers
) -> None:
    entry, other = await upload(catalog, storage), await upload(catalog, storage, "other")
    storage.is_down = True
    await leftovers.clear([await deleted(catalog, entry), await deleted(catalog, other)], 10)
    with pytest.raises(StorageDown):
        await jobs.reaper(storage).settle_all()
    # As the restore of a dump does.
    staging = Staging(client)
    await staging.add([entry])
    await staging.switch()
    storage.is_down = False
    await jobs.reaper(storage).settle_all()
    assert set(await listed(storage)) == {entry.storage_key}
    assert await claims(client) == {}
