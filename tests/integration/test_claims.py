"""Bytes and entries stay together at a storage that replaces files in place: a real Redis, and the reference backend.

Every test is made with a backend that keeps old versions for those who ask, and with one that does not.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.uploads import Replacement, Rules, Uploads, Wish
from services.catalog.uploads.writing import Written
from services.core.assets.entries import Entry
from services.core.errors import AlreadyExists, BadRequest, StorageDown, Unavailable
from services.core.spool import prepare
from services.core.state import claims as claims_module
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.stale_claims import Leftover
from services.core.storage import ObjectMissing, Storage, open_storage
from tests.processes.distant_backend import Backend, settings_for
from tests.support.catalogs import CatalogUser
from tests.support.hostile_files import small_files
from tests.support.objects import an_object, put
from tests.support.waits import eventually

PNG = b"\x89PNG\r\n\x1a\n"
RULES = Rules(("DEV",), frozenset({"image/png"}), strip_metadata=False, convert_to_webp=True)


@pytest.fixture(params=[("--keep-versions", "2"), ("--in-place",)], ids=["versions", "in-place"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    made = Backend(tmp_path / "backend", *request.param)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def storage(backend: Backend, tmp_path: Path) -> AsyncIterator[Storage]:
    made = open_storage(settings_for(backend.url, tmp_path / "tada", storage_breaker_failures=1000))
    prepare(made.spool)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def catalog(client: Redis) -> CatalogUser:
    return CatalogUser(client)


def uploads_of(user: CatalogUser, storage: Storage) -> Uploads:
    return Uploads(user.claims, user.reaper(storage), user.entries, storage, RULES, user.room)


@pytest.fixture
def uploads(catalog: CatalogUser, storage: Storage) -> Uploads:
    return uploads_of(catalog, storage)


@pytest.fixture
def jobs(client: Redis) -> CatalogUser:
    """The catalog as the jobs worker has it: another process."""
    return CatalogUser(client)


def spooled(storage: Storage, content: bytes, name: str = "cat.png") -> SpooledFile:
    path = storage.spool / hashlib.sha256(content + name.encode()).hexdigest()
    path.write_bytes(content)
    return SpooledFile(name, None, "image/png", path, len(content), hashlib.sha256(content).hexdigest())


def wish(**fields: str) -> Wish:
    return Wish("DEV", None, None, to_webp=None, fields=dict(fields))


async def created(uploads: Uploads, storage: Storage, content: bytes = PNG + b"1") -> Entry:
    [outcome] = await uploads.create([spooled(storage, content)], wish())
    assert isinstance(outcome, tuple)
    return outcome[0]


def replacement(storage: Storage, entry: Entry, content: bytes, **fields: str) -> Replacement:
    return Replacement(
        entry.uuid, spooled(storage, content), keep_type=False, fields=dict(fields), now=0.0, check=lambda _: None
    )


async def claims(client: Redis) -> dict[bytes, bytes]:
    return await client.hgetall(keys.CLAIMS)  # type: ignore[misc,no-any-return]


async def bury(client: Redis, catalog: CatalogUser) -> None:
    """Let a process be dead for all others."""
    await client.delete(keys.alive(catalog.process.name))


async def test_a_replacement_takes_the_same_key_and_the_next_version(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, client: Redis
) -> None:
    first = await created(uploads, storage)
    [outcome] = await uploads.replace([replacement(storage, first, PNG + b"22", information="new")])
    assert isinstance(outcome, tuple)
    second = outcome[0]
    assert (second.version, second.storage_key, second.information) == (2, first.storage_key, "new")
    assert await storage.read(second.stored) == PNG + b"22"
    assert await catalog.entries.get(first.uuid) == second
    assert await claims(client) == {}


async def test_a_stored_file_is_adopted_only_if_it_can_be_drawn(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, client: Redis
) -> None:
    whole = small_files()["png"]
    await put(storage, an_object("DEV/whole.png", "image/png"), whole)
    await put(storage, an_object("DEV/cut.png", "image/png"), whole[:-20])
    entry, _ = await uploads.adopt({"unique_name": "/DEV/whole.png"}, lambda _: None)
    assert await catalog.entries.get(entry.uuid) == entry
    with pytest.raises(BadRequest, match="The PNG file cannot be drawn: it is cut short"):
        await uploads.adopt({"unique_name": "/DEV/cut.png"}, lambda _: None)
    assert await catalog.entries.count() == 1
    assert await storage.read(an_object("DEV/cut.png", "image/png")) == whole[:-20]
    assert await claims(client) == {}
    assert list(storage.spool.iterdir()) == []


async def test_a_whole_entry_is_adopted_only_if_its_texts_are_not_too_long(
    uploads: Uploads, storage: Storage, catalog: CatalogUser
) -> None:
    await put(storage, an_object("DEV/whole.png", "image/png"), small_files()["png"])
    entry, _ = await uploads.adopt({"unique_name": "/DEV/whole.png"}, lambda _: None)
    await catalog.entries.delete(entry.uuid, lambda _: None, keep_bytes=True)
    with pytest.raises(BadRequest, match="information must be a text of 4096 bytes at most, not 4097"):
        await uploads.adopt({**entry.fields, "information": "x" * 4097}, lambda _: None)
    again, _ = await uploads.adopt({**entry.fields, "information": "x" * 4096}, lambda _: None)
    assert (again.uuid, again.information) == (entry.uuid, "x" * 4096)


async def test_nothing_is_claimed_while_files_are_looked_at(
    uploads: Uploads, storage: Storage, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [spooled(storage, PNG + b"1", f"{name}.png") for name in "cab"]
    files[2] = replace(files[2], damage="is cut short")
    claimed, check = [], Drawable.check

    async def check_noting(drawable: Drawable, file: SpooledFile) -> None:
        claimed.append(await claims(client))
        await check(drawable, file)

    monkeypatch.setattr(Drawable, "check", check_noting)
    outcomes = await uploads.create(files, wish())
    assert claimed == [{}, {}, {}]
    assert [isinstance(outcome, tuple) for outcome in outcomes] == [True, True, False]
    assert await claims(client) == {}


async def test_of_two_creators_of_one_path_one_wins_and_the_other_is_told(
    catalog: CatalogUser, storage: Storage, client: Redis
) -> None:
    writers = [uploads_of(CatalogUser(client), storage) for _ in range(8)]
    contents = [PNG + bytes([number]) for number in range(8)]

    async def create(uploads: Uploads, content: bytes) -> object:
        return (await uploads.create([spooled(storage, content)], wish()))[0]

    outcomes = await asyncio.gather(*(create(*pair) for pair in zip(writers, contents, strict=True)))
    [won] = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 7
    entry = won[0]
    assert hashlib.sha256(await storage.read(entry.stored)).hexdigest() == entry.signature
    assert await claims(client) == {}


async def test_replacements_at_the_same_time_come_one_after_the_other(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    writers = [uploads_of(CatalogUser(client), storage) for _ in range(8)]

    async def change(number: int, writer: Uploads) -> Written:
        [outcome] = await writer.replace([replacement(storage, entry, PNG + bytes([number]) * 9)])
        assert isinstance(outcome, tuple)
        return outcome

    outcomes = await asyncio.gather(*(change(number, writer) for number, writer in enumerate(writers)))
    assert sorted(outcome[0].version for outcome in outcomes) == list(range(2, 10))
    last = await catalog.entries.get(entry.uuid)
    assert last.version == 9
    assert hashlib.sha256(await storage.read(last.stored)).hexdigest() == last.signature
    assert await claims(client) == {}


async def test_who_waits_too_long_for_another_writer_is_told_to_try_again(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await created(uploads, storage)
    monkeypatch.setattr(claims_module, "CLAIM_SECONDS", 0.1)
    claim = await catalog.claims.make_in_place(entry.unique_name)
    [outcome] = await uploads.replace([replacement(storage, entry, PNG + b"22")])
    assert isinstance(outcome, Unavailable)
    assert outcome.retry_after
    assert await storage.read(entry.stored) == PNG + b"1"
    await catalog.claims.release(claim)


async def begun(storage: Storage, catalog: CatalogUser, entry: Entry, content: bytes, *, sent: bool) -> Entry:
    """Replace a file as far as a process does that is killed before, or after, the backend has the bytes."""
    claim = await catalog.claims.make_in_place(entry.unique_name)
    signature = hashlib.sha256(content).hexdigest()
    intended = replace(entry, version=entry.version + 1, signature=signature, size=len(content))
    await catalog.claims.intend(claim, intended)
    if sent:
        await put(storage, intended.stored, content, replaces=True)
    return intended


async def test_a_replacement_that_died_with_the_bytes_at_the_backend_is_completed(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    intended = await begun(storage, catalog, entry, PNG + b"22", sent=True)
    await bury(client, catalog)
    assert await jobs.reaper(storage).settle_all() == 1
    found = await catalog.entries.get(entry.uuid)
    assert found == intended
    assert await storage.read(found.stored) == PNG + b"22"
    assert await claims(client) == {}


async def test_a_replacement_that_died_before_is_as_if_it_had_never_been(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    await begun(storage, catalog, entry, PNG + b"22", sent=False)
    await bury(client, catalog)
    assert await jobs.reaper(storage).settle_all() == 1
    assert await catalog.entries.get(entry.uuid) == entry
    assert await storage.read(entry.stored) == PNG + b"1"
    assert await claims(client) == {}


async def test_what_was_changed_meanwhile_is_kept_when_a_replacement_is_completed(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    await begun(storage, catalog, entry, PNG + b"22", sent=True)
    later = "2999-01-01T00:00:00.000+00:00"
    await catalog.entries.change(entry.uuid, lambda found: replace(found, information="meanwhile", updated_date=later))
    await bury(client, catalog)
    await jobs.reaper(storage).settle_all()
    found = await catalog.entries.get(entry.uuid)
    assert (found.version, found.information) == (2, "meanwhile")


async def test_a_creation_that_died_leaves_no_bytes(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    await catalog.entries.delete(entry.uuid, lambda _: None)
    await jobs.reaper(storage).settle_all()
    await begun(storage, catalog, replace(entry, version=0), PNG + b"1", sent=True)
    await bury(client, catalog)
    assert await jobs.reaper(storage).settle_all() == 1
    with pytest.raises(ObjectMissing):
        await storage.read(entry.stored)
    assert await claims(client) == {}


async def test_nothing_is_settled_while_the_backend_is_down(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis, backend: Backend
) -> None:
    entry = await created(uploads, storage)
    intended = await begun(storage, catalog, entry, PNG + b"22", sent=True)
    await bury(client, catalog)
    await client.set(keys.alive(jobs.process.name), b"1")
    backend.kill()
    with pytest.raises(StorageDown):
        await jobs.reaper(storage).settle_all()
    assert await catalog.entries.get(entry.uuid) == entry
    assert len(await claims(client)) == 1
    backend.start()
    await jobs.reaper(storage).settle_all()
    assert await catalog.entries.get(entry.uuid) == intended


async def test_a_deleted_asset_can_be_uploaded_again_once_its_bytes_are_gone(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis
) -> None:
    entry = await created(uploads, storage)
    await catalog.entries.delete(entry.uuid, lambda _: None)
    again = asyncio.create_task(created(uploads, storage, PNG + b"again"))
    stale = await jobs.stale.take_leftover(Leftover(entry.key, entry.storage_key))
    assert stale is not None
    assert await jobs.reaper(storage).settle([stale]) == 1
    found = await again
    assert found.storage_key == entry.storage_key
    assert await storage.read(found.stored) == PNG + b"again"
    assert await claims(client) == {}


async def test_what_the_backend_has_lost_is_repaired_by_a_replacement(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, client: Redis
) -> None:
    lost = await created(uploads, storage)
    await storage.delete([lost.stored])  # Behind the catalog's back.
    with pytest.raises(ObjectMissing):
        await storage.read(lost.stored)
    [outcome] = await uploads.replace([replacement(storage, lost, PNG + b"22")])
    assert isinstance(outcome, tuple)
    assert outcome[0].version == 2
    assert await storage.read(outcome[0].stored) == PNG + b"22"
    assert await catalog.entries.get(lost.uuid) == outcome[0]
    assert await claims(client) == {}


async def test_an_upload_that_the_backend_did_not_take_leaves_nothing(
    uploads: Uploads, storage: Storage, catalog: CatalogUser, jobs: CatalogUser, client: Redis, backend: Backend
) -> None:
    entry = await created(uploads, storage)
    await client.set(keys.alive(catalog.process.name), b"1")
    backend.kill()
    [outcome] = await uploads.replace([replacement(storage, entry, PNG + b"22")])
    assert isinstance(outcome, StorageDown)
    backend.start()

    async def settled() -> bool:
        await jobs.reaper(storage).settle_all()
        return not await claims(client)

    await eventually(settled)
    assert await catalog.entries.get(entry.uuid) == entry
    assert await storage.read(entry.stored) == PNG + b"1"
