"""The job *sync* on a real Redis with real storages, and with one that fails: no entry goes whose file may be there."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.core.assets import identity, names
from services.core.assets.entries import Entry
from services.core.assets.stored_object import StoredObject
from services.core.digests import sha256_of
from services.core.errors import StorageDown
from services.core.spool import prepare
from services.core.state import entry_json, keys
from services.core.state.connection import Redis
from services.core.state.doubts import DOUBT_SECONDS
from services.core.storage import Listed, NewObject, ObjectMissing, Storage, StorageSettings, open_storage
from services.jobs.upkeep.sync import Sync, sync
from tests.processes.distant_backend import Backend, settings_for
from tests.processes.s3_proxy import answer, way_to
from tests.processes.s3_server import S3Server
from tests.processes.s3_server import settings_for as s3_settings_for
from tests.support.catalogs import CatalogUser, an_entry, fill


@pytest.fixture(params=["local", "s3", "distant", "distant in place"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageSettings]:
    if request.param == "local":
        yield StorageSettings(data_folder_path=tmp_path / "data")
        return
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        server.empty()
        yield s3_settings_for(server.url, tmp_path / "tada")
        return
    backend = Backend(tmp_path / "backend", *(["--in-place"] if "in place" in request.param else []))
    backend.start()
    yield settings_for(backend.url, tmp_path / "tada")
    backend.stop()


async def opened(settings: StorageSettings) -> AsyncIterator[Storage]:
    storage = open_storage(settings)
    prepare(storage.spool)
    await storage.open()
    await storage.ready()  # Which makes the bucket.
    yield storage
    await storage.close()


@pytest.fixture
async def storage(settings: StorageSettings) -> AsyncIterator[Storage]:
    async for made in opened(settings):
        yield made


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Storage]:
    async for made in opened(StorageSettings(data_folder_path=tmp_path / "data")):
        yield made


async def put(storage: Storage, *stored: StoredObject) -> None:
    files = []
    for number, wanted in enumerate(stored):
        path = storage.spool / f"file-{number}"
        path.write_bytes(b"bytes of " + wanted.key.encode())
        files.append(NewObject(wanted, path, sha256_of(path)))
    for outcome in await storage.put(files):
        assert not isinstance(outcome, Exception), outcome


async def filled(client: Redis, storage: Storage, count: int, missing: Sequence[int] = ()) -> list[Entry]:
    """Make a catalog with the files of all entries but some."""
    entries = [an_entry(f"photo{number}") for number in range(count)]
    await fill(client, entries)
    await put(storage, *(entry.stored for number, entry in enumerate(entries) if number not in missing))
    return entries


async def left(catalog: CatalogUser) -> set[str]:
    return {entry_json.read(raw).unique_name async for raws in catalog.entries.scan() for raw in raws}


async def test_an_entry_whose_file_is_gone_leaves_the_catalog_and_no_other(
    client: Redis, catalog: CatalogUser, storage: Storage
) -> None:
    entries = await filled(client, storage, 40, missing=[3, 17])
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, storage, dry_run=False, max_percent=10)
    assert (found.checked, found.missing_count, found.removed_count, found.stopped) == (40, 2, 2, None)
    assert {gone.unique_name for gone in found.missing} == {"/DEV/photo3.webp", "/DEV/photo17.webp"}
    assert all(gone.reason == f"no file DEV/{gone.unique_name[5:]}" for gone in found.missing)
    assert await left(catalog) == {entry.unique_name for entry in entries} - {"/DEV/photo3.webp", "/DEV/photo17.webp"}
    again = await sync(catalog.entries, catalog.claims, catalog.doubts, storage, dry_run=False, max_percent=10)
    assert (again.checked, again.missing_count, again.removed_count) == (38, 0, 0)


async def test_what_it_removes_is_purged_like_every_change(client: Redis, catalog: CatalogUser, local: Storage) -> None:
    await filled(client, local, 20, missing=[5])
    await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=10)
    changes = await client.xrange(keys.CHANGES)
    assert [fields[b"unique_name"] for _, fields in changes] == [b"/DEV/photo5.webp"]


async def test_a_dry_run_says_the_same_and_removes_nothing(client: Redis, catalog: CatalogUser, local: Storage) -> None:
    entries = await filled(client, local, 20, missing=[5])
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=True, max_percent=10)
    assert (found.dry_run, found.missing_count, found.removed_count) == (True, 1, 0)
    assert [gone.unique_name for gone in found.missing] == ["/DEV/photo5.webp"]
    assert await left(catalog) == {entry.unique_name for entry in entries}


@pytest.mark.parametrize(("max_percent", "removed"), [(10, 0), (14.9, 0), (15, 3), (100, 3)])
async def test_more_losses_than_are_likely_stop_it(
    client: Redis, catalog: CatalogUser, local: Storage, max_percent: float, removed: int
) -> None:
    await filled(client, local, 20, missing=[1, 2, 3])
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=max_percent)
    assert found.removed_count == removed
    assert len(await left(catalog)) == 20 - removed
    if not removed:
        assert found.stopped is not None
        assert f"More than {max_percent:g} % of the 20 entries" in found.stopped
        assert "nothing was removed" in found.stopped


async def test_an_empty_storage_removes_nothing_whatever_is_asked(
    client: Redis, catalog: CatalogUser, storage: Storage
) -> None:
    entries = await filled(client, storage, 3, missing=range(3))
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, storage, dry_run=False, max_percent=100)
    assert found.removed_count == 0
    assert found.stopped is not None
    assert "nothing was removed. Check the storage's settings" in found.stopped
    assert await left(catalog) == {entry.unique_name for entry in entries}


async def test_another_bucket_with_files_of_somebody_else_removes_nothing(
    client: Redis, catalog: CatalogUser, local: Storage
) -> None:
    await filled(client, local, 5, missing=range(5))
    await put(local, StoredObject("OTHER/thing.webp"))
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=100)
    assert (found.removed_count, found.unknown) == (0, ["OTHER/thing.webp"])
    assert found.stopped is not None
    assert found.stopped.startswith("Not one entry has its file in the storage")


async def test_an_empty_catalog_is_no_reason_to_stop(catalog: CatalogUser, local: Storage) -> None:
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=10)
    assert found == Sync(dry_run=False, listed=0, unknown=[], unknown_count=0)


async def test_files_that_no_entry_knows_are_reported_and_left_alone(
    client: Redis, catalog: CatalogUser, local: Storage
) -> None:
    [entry] = await filled(client, local, 1)
    left_over = names.spare_storage_key(entry.unique_name)
    await put(local, StoredObject("DEV/nobody.webp"), StoredObject(left_over), StoredObject("dumps/dump_1.json"))
    claimed = await catalog.claims.make("/DEV/incoming.webp")
    await put(local, StoredObject(claimed.storage_key))
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=10)
    assert found.unknown is not None
    assert sorted(found.unknown) == sorted(["DEV/nobody.webp", left_over])
    assert (found.unknown_count, found.listed) == (2, 4)
    await catalog.claims.release(claimed)
    await catalog.reaper(local).settle_all()
    assert [listed.key async for listed in local.list("DEV/nobody")] == ["DEV/nobody.webp"]


async def test_what_a_failed_upload_has_stored_after_all_is_removed(
    client: Redis, catalog: CatalogUser, local: Storage
) -> None:
    """As when a storage goes away in the middle of a write, comes back, and still finishes it."""
    await filled(client, local, 2)
    dead = CatalogUser(client)  # It never says that it lives.
    late, again = await dead.claims.make("/DEV/late.webp"), await dead.claims.make("/DEV/again.webp")
    assert await catalog.reaper(local).settle_all() == 2
    await put(local, StoredObject(late.storage_key))
    # The other one was sent again, and has its entry under the very same key.
    claim = await catalog.claims.make("/DEV/again.webp")
    assert claim.storage_key == again.storage_key
    entry = an_entry("again")
    await put(local, entry.stored)
    await catalog.entries.create(entry, claim)
    assert (
        await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=10)
    ).late_count == 0  # It may still be on its way.

    for key, at in await client.zrange(keys.DOUBTFUL, 0, -1, withscores=True):
        await client.zadd(keys.DOUBTFUL, {key: at - DOUBT_SECONDS})
    assert (
        await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=True, max_percent=10)
    ).late_count == 0
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=10)
    assert (found.late_count, found.unknown, found.missing_count) == (1, [], 0)
    with pytest.raises(ObjectMissing):
        await local.size(StoredObject(late.storage_key))
    assert await local.size(entry.stored) > 0
    assert await client.zcard(keys.DOUBTFUL) == 0
    assert await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc]


async def test_entries_with_spare_keys_are_found(client: Redis, catalog: CatalogUser, local: Storage) -> None:
    entry = an_entry("cat", storage_key="DEV/cat.webp.0123456789abcdef")
    await fill(client, [entry])
    await put(local, entry.stored)
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, local, dry_run=False, max_percent=100)
    assert (found.missing_count, found.unknown_count) == (0, 0)


class Meddled:
    """A real storage in front of which something happens: it is told of every call first."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.calls = 0

    async def before(self, what: str) -> None:
        self.calls += 1

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        await self.before("list")
        async for listed in self._storage.list(prefix):
            await self.before("listed")
            yield listed

    async def size(self, stored: StoredObject) -> int:
        await self.before("size")
        return await self._storage.size(stored)


class EverySecondFails(Meddled):
    async def before(self, what: str) -> None:
        await super().before(what)
        if what != "listed" and self.calls % 2 == 0:
            raise StorageDown("500")


async def test_a_storage_that_fails_every_second_request_loses_no_entry(
    client: Redis, catalog: CatalogUser, local: Storage
) -> None:
    entries = await filled(client, local, 40, missing=[3, 17, 20])
    failing = EverySecondFails(local)
    for _ in range(20):
        try:
            await sync(catalog.entries, catalog.claims, catalog.doubts, failing, dry_run=False, max_percent=10)  # type: ignore[arg-type]
        except StorageDown:
            there = {entry.unique_name for number, entry in enumerate(entries) if number not in (3, 17, 20)}
            assert there <= await left(catalog)
    assert failing.calls > 20


async def test_a_bucket_that_answers_500_to_every_second_request_loses_what_is_lost_and_nothing_else(
    client: Redis, catalog: CatalogUser, s3_server: S3Server, tmp_path: Path
) -> None:
    s3_server.empty()
    lost = {7, 30, 31, 59}
    async for bucket in opened(s3_settings_for(s3_server.url, tmp_path / "tada")):
        entries = await filled(client, bucket, 60, missing=sorted(lost))
    there = {entry.unique_name for number, entry in enumerate(entries) if number not in lost}
    async with way_to(s3_server.port) as way:
        async for failing in opened(s3_settings_for(way.url, tmp_path / "tada")):
            way.instead = lambda asked: answer(500) if len(way.asked) % 2 else None
            with suppress(StorageDown):  # Some request may have had bad luck each time: the job is tried again then.
                found = await sync(
                    catalog.entries, catalog.claims, catalog.doubts, failing, dry_run=False, max_percent=10
                )
                assert (found.removed_count, found.stopped) == (4, None)
            assert there <= await left(catalog)
            way.instead = lambda asked: None
            await sync(catalog.entries, catalog.claims, catalog.doubts, failing, dry_run=False, max_percent=10)
    assert await left(catalog) == there


class LosesTheListing(Meddled):
    """It lists a part of what it has, as a server does whose index lags behind."""

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        async for listed in self._storage.list(prefix):
            if not re.search(r"photo[1-4]\.", listed.key):
                yield listed


async def test_a_listing_that_is_not_whole_removes_nothing(client: Redis, catalog: CatalogUser, local: Storage) -> None:
    await filled(client, local, 10)
    listing: Any = LosesTheListing(local)
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, listing, dry_run=False, max_percent=100)
    assert (found.listed, found.missing_count, len(await left(catalog))) == (6, 0, 10)


class ReplacedMeanwhile(Meddled):
    """Somebody sends a new file for an entry just after the storage has said that it has none."""

    def __init__(self, storage: Storage, catalog: CatalogUser) -> None:
        super().__init__(storage)
        self._entries = catalog.entries

    async def size(self, stored: StoredObject) -> int:
        try:
            return await super().size(stored)
        except ObjectMissing:
            key = identity.entry_key(names.unique_name_of(stored.key))
            new = "DEV/photo3.webp.0123456789abcdef"
            await self._entries.change(key, lambda entry: replace(entry, storage_key=new, version=entry.version + 1))
            await put(self._storage, StoredObject(new))
            raise


async def test_an_entry_that_gets_a_new_file_meanwhile_stays(
    client: Redis, catalog: CatalogUser, local: Storage
) -> None:
    await filled(client, local, 20, missing=[3])
    meddled = ReplacedMeanwhile(local, catalog)
    found = await sync(catalog.entries, catalog.claims, catalog.doubts, meddled, dry_run=False, max_percent=10)  # type: ignore[arg-type]
    assert (found.missing_count, found.removed_count, len(await left(catalog))) == (1, 0, 20)
