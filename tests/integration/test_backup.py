"""A backup that is made while others write: every entry in it has its file, and it can be restored."""

import asyncio
import hashlib
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from services.core.assets.entries import Entry
from services.core.dumps.stores import open_dumps
from services.core.errors import AlreadyExists, NotFound, StorageDown
from services.core.state import entry_json
from services.core.state.belonging import Belonging
from services.core.state.connection import Redis
from services.core.storage import Storage, StorageSettings, StoredObject
from services.core.storage.base import MARK
from services.core.storage.verification import stream_verified
from services.jobs import backup, backup_command
from services.jobs.backup import Backup, back_up
from services.jobs.dumps.restore import restore_dump
from services.jobs.settings import JobsSettings
from tests.processes.distant_backend import Backend, settings_for
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import S3Server
from tests.processes.s3_server import settings_for as s3_settings_for
from tests.support import objects
from tests.support.catalogs import ADDRESSES, CatalogUser, an_entry, shown
from tests.support.storages import opened


@pytest.fixture(autouse=True)
def stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backup of a test has a second of its own."""
    numbers = count()
    monkeypatch.setattr(backup, "stamp_of", lambda _: f"20260101T{next(numbers):06}")


@pytest.fixture
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    settings = StorageSettings(data_folder_path=tmp_path / "data")
    if getattr(request, "param", "local") == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        server.empty()
        settings = s3_settings_for(server.url, tmp_path / "tada")
    async with opened(settings) as made:
        await made.ready()
        yield made


@pytest.fixture
async def in_place(tmp_path: Path) -> AsyncIterator[Storage]:
    """A storage whose bytes of a key can be replaced."""
    backend = Backend(tmp_path / "backend", "--in-place")
    backend.start()
    try:
        async with opened(settings_for(backend.url, tmp_path / "tada")) as made:
            yield made
    finally:
        backend.stop()


class Writers:
    """Upload, replace and delete assets as the catalog service does: bytes first, then the entry, then the leftover."""

    def __init__(self, catalog: CatalogUser, storage: Storage, seed: int) -> None:
        self._catalog, self._storage, self._random = catalog, storage, random.Random(seed)
        self.done = 0

    async def upload(self, name: str) -> None:
        entry, claim = an_entry(name), await self._catalog.claims.make(an_entry(name).unique_name)
        await self._catalog.entries.create(await self._stored(entry, claim.storage_key), claim)

    async def _stored(self, entry: Entry, storage_key: str) -> Entry:
        content = secrets.token_bytes(self._random.randrange(1, 3000))
        await objects.put(self._storage, StoredObject(storage_key), content)
        digest = hashlib.sha256(content).hexdigest()
        return replace(entry, storage_key=storage_key, signature=digest, size=len(content))

    async def replace(self, name: str) -> None:
        old = await self._catalog.entries.get(an_entry(name).uuid)
        claim = await self._catalog.claims.make(old.unique_name)
        new = await self._stored(old, claim.storage_key)
        await self._catalog.entries.change(old.uuid, lambda now: replace(new, version=now.version + 1), claim)
        await self._delete_leftovers()

    async def delete(self, name: str) -> None:
        await self._catalog.entries.delete(an_entry(name).uuid, lambda entry: None)
        await self._delete_leftovers()

    async def _delete_leftovers(self) -> None:
        await self._catalog.reaper(self._storage).settle_all()

    async def write(self, names: list[str], pause: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            name, what = self._random.choice(names), self._random.choice([self.upload, self.replace, self.delete])
            with suppress(AlreadyExists, NotFound):
                await what(name)
                self.done += 1
            await asyncio.sleep(pause)


async def filled(catalog: CatalogUser, storage: Storage, count: int) -> Writers:
    """Upload cat-0, cat-1 and so on; return the writer."""
    writer = Writers(catalog, storage, 1)
    for number in range(count):
        await writer.upload(f"cat-{number}")
    return writer


async def complete(made: Backup) -> dict[str, str]:
    """Return what the backup has, by unique name, and see that each entry has its file, and that nothing is half."""
    root = made.folder / "storage"
    [dump] = (root / "dumps").glob("*.json")
    listed = orjson.loads(dump.read_bytes())
    for entry in listed:
        content = (root / entry["storage_key"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["signature"], entry["unique_name"]
    assert not list(made.folder.parent.glob("*.part"))
    assert not (root / ".spool").exists()
    return {entry["unique_name"]: entry["signature"] for entry in listed}


@pytest.mark.parametrize("storage", ["local", "s3"], indirect=True)
async def test_every_entry_of_a_backup_has_its_file_whatever_writers_do_meanwhile(
    client: Redis, catalog: CatalogUser, storage: Storage, tmp_path: Path
) -> None:
    writers = [Writers(catalog, storage, seed) for seed in range(4)]
    names = [f"cat-{number}" for number in range(60)]
    for name in names:
        await writers[0].upload(name)
    await writers[0].upload("quiet")
    stop = asyncio.Event()
    writing = [asyncio.create_task(one.write(names, 0.002, stop)) for one in writers]
    try:
        for _ in range(2):
            before = sum(one.done for one in writers)
            made = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
            assert made.missing == []
            assert made.entries == len(await complete(made))
            assert "/DEV/quiet.webp" in await complete(made)
            assert sum(one.done for one in writers) > before
    finally:
        stop.set()
        await asyncio.gather(*writing)


async def test_a_backup_comes_back_as_it_was(
    client: Redis, catalog: CatalogUser, storage: Storage, tmp_path: Path
) -> None:
    await filled(catalog, storage, 20)
    before = await shown(client)
    await Belonging(client, storage, makes=True).check()  # type: ignore[arg-type]
    made = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    signatures = await complete(made)
    assert len(signatures) == 20
    [dump] = (made.folder / "storage" / "dumps").glob("*.json")
    assert dump.read_bytes() == before, "with the addresses that the catalog shows"
    await client.flushall()
    async with opened(StorageSettings(data_folder_path=made.folder / "storage")) as back:
        await Belonging(client, back, makes=True).check()  # type: ignore[arg-type]
        settings = StorageSettings(data_folder_path=made.folder / "storage")
        restored = await restore_dump(client, catalog.process, open_dumps(settings, back))
        assert restored.entries == 20
        assert await shown(client) == before
        for entry in [entry_json.read(raw) async for raws in catalog.entries.scan() for raw in raws]:
            assert hashlib.sha256(await back.read(entry.stored)).hexdigest() == signatures[entry.unique_name]
    assert (made.folder / "storage" / MARK).exists()


async def test_the_next_backup_has_the_same_files_and_one_that_was_damaged_is_copied_again(
    client: Redis, catalog: CatalogUser, storage: Storage, tmp_path: Path
) -> None:
    writer = await filled(catalog, storage, 5)
    first = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    damaged = first.folder / "storage" / an_entry("cat-0").storage_key
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    await writer.replace("cat-1")
    second = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    assert (first.linked, second.linked, second.entries) == (0, 3, 5)
    await complete(second)
    same = an_entry("cat-2").storage_key
    assert (first.folder / "storage" / same).samefile(second.folder / "storage" / same)


async def test_an_entry_that_has_lost_its_file_is_named_and_the_rest_is_there(
    client: Redis, catalog: CatalogUser, storage: Storage, tmp_path: Path
) -> None:
    await filled(catalog, storage, 3)
    await storage.delete([StoredObject(an_entry("cat-1").storage_key)])
    made = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    assert (made.missing, made.entries) == (["/DEV/cat-1.webp"], 3)


async def test_the_command_says_how_many_entries_have_their_files_and_names_the_others(
    server: RedisServer,
    client: Redis,
    catalog: CatalogUser,
    storage: Storage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = JobsSettings(
        redis_url=SecretStr(server.url),
        data_folder_path=tmp_path / "data",
        public_url="https://media.example.com",
        purge_token=SecretStr("token-of-the-tests"),
    )
    await Belonging(client, storage, makes=True).check()  # type: ignore[arg-type]
    await filled(catalog, storage, 3)
    assert await backup_command.run(settings, tmp_path / "backups") == 0
    assert "3 entries with their files, 0 of them shared" in capsys.readouterr().out
    [dump] = (tmp_path / "backups/20260101T000000/storage/dumps").glob("*.json")
    assert {entry["public_url"] for entry in orjson.loads(dump.read_bytes())} == {
        f"https://media.example.com/assets/media/full/DEV/cat-{number}.webp" for number in range(3)
    }
    await storage.delete([StoredObject(an_entry("cat-1").storage_key)])
    (tmp_path / "backups/20260101T000000/storage" / an_entry("cat-1").storage_key).unlink()
    assert await backup_command.run(settings, tmp_path / "backups") == 3
    said = capsys.readouterr()
    assert said.out == (
        f"{tmp_path}/backups/20260101T000001: 2 entries with their files, 2 of them shared with the previous backup.\n"
    )
    assert said.err == "/DEV/cat-1.webp has no file in the storage, or a file that does not match the catalog\n"


async def test_an_entry_whose_bytes_were_replaced_in_place_is_read_until_its_writer_has_changed_it(
    catalog: CatalogUser, in_place: Storage, tmp_path: Path
) -> None:
    old, new = (replace(an_entry(), signature=hashlib.sha256(text).hexdigest(), size=3) for text in (b"old", b"new"))
    await objects.put(in_place, old.stored, b"old")
    await catalog.entries.create(old, None)
    await objects.put(in_place, old.stored, b"new", replaces=True)

    async def commit() -> None:
        await asyncio.sleep(1)
        await catalog.entries.change(old.uuid, lambda _: replace(new, version=2))

    made, _ = await asyncio.gather(back_up(catalog.entries, in_place, tmp_path / "backups", ADDRESSES), commit())
    assert made.missing == []
    assert await complete(made) == {"/DEV/cat.webp": new.signature}


async def test_a_storage_that_fails_leaves_no_half_of_a_backup(
    client: Redis, catalog: CatalogUser, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Writers(catalog, storage, 1).upload("cat")
    good = await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)

    async def fail(_: object, __: object) -> AsyncIterator[bytes]:
        raise StorageDown("away")
        yield b""

    monkeypatch.setattr(backup, "stream_verified", fail)
    (good.folder / "storage" / an_entry("cat").storage_key).unlink()
    with pytest.raises(StorageDown):
        await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [good.folder.name]


async def test_a_backup_that_fails_has_ended_all_of_its_copies(
    catalog: CatalogUser, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(catalog, storage, 8)
    all_are_read, ended = asyncio.Barrier(8), 0

    async def fail_at_the_first(storage: Storage, entry: Entry) -> AsyncIterator[bytes]:
        nonlocal ended
        await all_are_read.wait()
        if entry.unique_name == "/DEV/cat-0.webp":
            raise StorageDown("away")
        await asyncio.sleep(0.1)
        async for chunk in stream_verified(storage, entry):
            yield chunk
        ended += 1

    monkeypatch.setattr(backup, "stream_verified", fail_at_the_first)
    with pytest.raises(StorageDown):
        await back_up(catalog.entries, storage, tmp_path / "backups", ADDRESSES)
    assert ended == 7
    assert list((tmp_path / "backups").iterdir()) == []
