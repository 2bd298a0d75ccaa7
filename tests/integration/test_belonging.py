"""A storage that is not the one that the catalog belongs to is shut; a new one, and one from before, get their mark."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.core.errors import StorageDown, StorageLost
from services.core.spool import prepare
from services.core.state import keys
from services.core.state.belonging import ADOPT, Belonging, problem
from services.core.state.connection import Redis
from services.core.storage import StorageSettings, StoredObject, Wrapped, open_storage
from services.core.storage.base import MARK
from tests.processes.s3_server import BUCKET, S3Server
from tests.processes.s3_server import settings_for as s3_settings_for
from tests.support import objects
from tests.support.catalogs import an_entry, fill

CAT = an_entry("cat")


class Place:
    """Where a storage is, and what can happen to it behind the services' backs."""

    def __init__(self, settings: StorageSettings, server: S3Server | None) -> None:
        self.settings, self._server = settings, server

    def lose(self) -> None:
        """Take everything away, the folder or the bucket itself included."""
        if self._server is None:
            shutil.rmtree(self.settings.data_folder_path)
            return
        self.empty()
        self._server.client.delete_bucket(Bucket=BUCKET)

    def empty(self) -> None:
        if self._server is None:
            self.lose()
            self.settings.data_folder_path.mkdir()
            return
        for one in self._server.client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self._server.client.delete_object(Bucket=BUCKET, Key=one["Key"])

    def unmark(self) -> None:
        if self._server is None:
            (self.settings.data_folder_path / MARK).unlink()
        else:
            self._server.client.delete_object(Bucket=BUCKET, Key=MARK)

    def is_there(self) -> bool:
        if self._server is None:
            return self.settings.data_folder_path.exists()
        return BUCKET in [one["Name"] for one in self._server.client.list_buckets()["Buckets"]]


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "local":
        yield Place(StorageSettings(data_folder_path=tmp_path / "data"), None)
        return
    server: S3Server = request.getfixturevalue("s3_server")
    server.empty()
    yield Place(s3_settings_for(server.url, tmp_path / "tada"), server)
    server.empty()


@asynccontextmanager
async def started(place: Place) -> AsyncIterator[Wrapped]:
    """Give the storage as a service has it that has just started."""
    storage = open_storage(place.settings)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


async def put(storage: Wrapped, key: str = CAT.storage_key) -> None:
    prepare(storage.spool)
    await objects.put(storage, StoredObject(key), b"bytes")


async def test_a_first_start_marks_the_storage_and_every_later_one_knows_it(client: Redis, place: Place) -> None:
    for _ in range(3):
        async with started(place) as storage:
            await Belonging(client, storage, makes=True).check()
            await Belonging(client, storage).check()
            await storage.ready()
            known = await client.get(keys.STORAGE)
            assert known is not None
            assert await storage.mark() == known.decode()  # type: ignore[attr-defined]
            assert await objects.listed(storage) == {}


@pytest.mark.parametrize("how", ["lose", "empty", "unmark"])
async def test_a_storage_that_has_lost_its_mark_is_not_ready_refuses_all_and_is_not_made_anew(
    client: Redis, place: Place, how: str
) -> None:
    async with started(place) as storage:
        await Belonging(client, storage, makes=True).check()
        await put(storage)
        getattr(place, how)()
        was_there = place.is_there()
        if how == "lose":
            with pytest.raises(StorageDown):
                await storage.ready()
    for makes in (True, False):
        async with started(place) as storage:
            belonging = Belonging(client, storage, makes=makes)
            for _ in range(2):
                with pytest.raises(StorageLost, match=ADOPT):
                    await belonging.check()
            for verb in _verbs(storage):
                with pytest.raises(StorageLost):
                    await verb()
            assert place.is_there() == was_there
    # An operator says that it is right.
    async with started(place) as storage, started(place) as other:
        elsewhere = Belonging(client, other)
        with pytest.raises(StorageLost):
            await elsewhere.check()
        await Belonging(client, storage).adopt()
        await elsewhere.check()
        await put(other, "DEV/dog.webp")
        assert await other.read(StoredObject("DEV/dog.webp")) == b"bytes"


def _verbs(storage: Wrapped) -> list[Callable[[], Any]]:
    cat = StoredObject(CAT.storage_key)
    return [
        *(storage.ready, lambda: objects.listed(storage), lambda: objects.streamed(storage, cat)),
        *(lambda: storage.read(cat), lambda: storage.size(cat), lambda: storage.delete([cat])),
        lambda: storage.put([]),
    ]


async def test_a_storage_that_comes_back_is_used_again_without_a_restart(client: Redis, tmp_path: Path) -> None:
    place = Place(StorageSettings(data_folder_path=tmp_path / "data"), None)
    async with started(place) as storage:
        belonging = Belonging(client, storage, makes=True)
        await belonging.check()
        await put(storage)
        (tmp_path / "data").rename(tmp_path / "away")
        (tmp_path / "data").mkdir()
        with pytest.raises(StorageLost):
            await belonging.check()
        (tmp_path / "data").rmdir()
        (tmp_path / "away").rename(tmp_path / "data")
        await belonging.check()
        assert await storage.read(StoredObject(CAT.storage_key)) == b"bytes"


async def test_another_storage_is_told_from_the_right_one(client: Redis, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        await client.delete(keys.STORAGE)
        async with started(Place(StorageSettings(data_folder_path=tmp_path / folder), None)) as storage:
            await Belonging(client, storage, makes=True).check()
    async with started(Place(StorageSettings(data_folder_path=tmp_path / "one"), None)) as storage:
        with pytest.raises(StorageLost, match="not the one that the catalog belongs to"):
            await Belonging(client, storage, makes=True).check()


async def test_a_redis_that_is_new_takes_the_storage_as_it_is(client: Redis, place: Place) -> None:
    async with started(place) as storage:
        await Belonging(client, storage, makes=True).check()
        await put(storage)
        before = await client.get(keys.STORAGE)
        await client.flushall()
        await Belonging(client, storage).check()
        assert await client.get(keys.STORAGE) is None, "only the catalog service says which one it is"
        await Belonging(client, storage, makes=True).check()
        assert await client.get(keys.STORAGE) == before


async def test_a_storage_of_the_version_before_is_marked_when_it_has_a_file_of_the_catalog(
    client: Redis, place: Place
) -> None:
    await fill(client, [an_entry(f"gone-{at}") for at in range(5)] + [CAT])
    async with started(place) as storage:
        await put(storage)
        await Belonging(client, storage).check()
        assert await storage.mark() is None  # type: ignore[attr-defined]
        await Belonging(client, storage, makes=True).check()
        assert await storage.mark() is not None  # type: ignore[attr-defined]


async def test_a_storage_without_any_file_of_the_catalog_is_not_believed_to_be_its_own(
    client: Redis, place: Place
) -> None:
    await fill(client, [CAT])
    async with started(place) as storage:
        await put(storage, "DEV/other.webp")
        belonging = Belonging(client, storage, makes=True)
        for _ in range(2):
            with pytest.raises(StorageLost, match="none of the files"):
                await belonging.check()
        async with started(place) as other:
            await put(other)  # Which has come back from a backup, say.
        await belonging.check()
        assert await storage.read(StoredObject(CAT.storage_key)) == b"bytes"


async def test_ten_services_that_start_at_once_agree_on_one_mark(client: Redis, place: Place) -> None:
    async def start() -> str | None:
        async with started(place) as storage:
            await Belonging(client, storage, makes=True).check()
            found: str | None = await storage.mark()  # type: ignore[attr-defined]
            return found

    found = await asyncio.gather(*(start() for _ in range(10)))
    assert set(found) == {(await client.get(keys.STORAGE) or b"").decode()}


@pytest.mark.parametrize(
    ("found", "known", "is_right"),
    [(None, None, True), ("x", None, True), ("x", "x", True), (None, "x", False), ("y", "x", False), ("", "x", False)],
)
def test_what_is_wrong_with_a_storage(found: str | None, known: str | None, is_right: bool) -> None:
    assert (problem(found, known) is None) == is_right
