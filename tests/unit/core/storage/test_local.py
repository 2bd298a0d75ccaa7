import asyncio
import gc
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.core.errors import StorageDown
from services.core.settings import CoreSettings
from services.core.spool import prepare, search_of
from services.core.storage import open_storage
from services.core.storage.local import CHUNK, LocalStorage
from tests.support.objects import an_object, held_open, listed, new, put, streamed

CAT = an_object()


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "storage")
    prepare(made.spool)
    return made


def files_of(storage: LocalStorage) -> set[str]:
    root = storage.spool.parent
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


async def test_a_reader_keeps_the_bytes_it_began_with_when_they_are_deleted(storage: LocalStorage) -> None:
    content = secrets.token_bytes(3 * CHUNK)
    await put(storage, CAT, content)
    reading = storage.stream(CAT)
    first = await anext(reading)
    await storage.delete([CAT])
    assert first + b"".join([chunk async for chunk in reading]) == content


async def test_a_reader_that_is_cancelled_while_its_file_is_opened_closes_it(storage: LocalStorage) -> None:
    # A file that is left open is a ResourceWarning when it is collected, and so fails this test.
    await put(storage, CAT, b"purr")
    for turns in [1, 2, 3] * 20:
        reading = asyncio.create_task(streamed(storage, CAT))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    assert await streamed(storage, CAT) == b"purr"
    gc.collect()


def test_a_file_that_is_opened_while_its_loop_ends_is_closed(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_open, open_file = threading.Event(), threading.Event(), LocalStorage._open

    def opens_late(one: LocalStorage, key: str) -> BinaryIO:
        begun.set()
        may_open.wait()
        return open_file(one, key)

    async def leaves() -> None:
        await put(storage, CAT, b"purr")
        monkeypatch.setattr(LocalStorage, "_open", opens_late)
        reading = asyncio.create_task(streamed(storage, CAT))
        await asyncio.to_thread(begun.wait)
        reading.cancel()
        asyncio.get_running_loop().call_soon(may_open.set)

    asyncio.run(leaves())
    gc.collect()  # A file that is left open is a ResourceWarning then, and so fails this test.
    assert held_open(storage) == set()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2 * CHUNK + 100), st.none() | st.integers(0, 2 * CHUNK + 100))
async def test_any_part_of_an_object_can_be_streamed(storage: LocalStorage, start: int, length: int | None) -> None:
    content = bytes(range(256)) * (2 * CHUNK // 256) + b"the end"
    if CAT.key not in files_of(storage):
        await put(storage, CAT, content)
    assert await streamed(storage, CAT, start, length) == content[start : None if length is None else start + length]


@pytest.mark.parametrize(
    "key",
    [
        "/etc/passwd",
        "../outside",
        "DEV/../../outside",
        "",
        ".",
        "DEV/..",
        "DEV//cat",
        ".spool/x",
        ".search/x",
        "DEV/a\0b",
        "DEV/",
    ],
)
async def test_no_key_leads_out_of_the_folder(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"untouched")
    away = an_object(key)
    wanted = [new(storage, away, b"meow")]
    for verb in (storage.read(away), storage.size(away), storage.delete([away]), storage.put(wanted)):
        with pytest.raises(ValueError, match="not a storage key"):
            await verb
    with pytest.raises(ValueError, match="not a storage key"):
        await anext(storage.stream(away))
    assert (tmp_path / "outside").read_bytes() == b"untouched"


async def test_files_of_the_service_are_not_in_the_list(storage: LocalStorage) -> None:
    await put(storage, CAT, b"meow")
    for folder in (storage.spool, search_of(storage.spool.parent)):
        folder.mkdir(exist_ok=True)
        (folder / "file").write_bytes(b"x")
    assert [listed.key async for listed in storage.list()] == [CAT.key]


async def test_no_symbolic_link_is_followed(storage: LocalStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "secret").write_bytes(b"untouched")
    (outside / "folder" / "cat.webp").write_bytes(b"untouched")
    root = storage.spool.parent
    (root / "DEV").mkdir()
    (root / "DEV" / "link.webp").symlink_to(outside / "secret")
    (root / "DEV" / "folder").symlink_to(outside / "folder")
    for away in (an_object("DEV/link.webp"), an_object("DEV/folder/cat.webp")):
        for verb in (storage.read(away), storage.size(away), anext(storage.stream(away))):
            with pytest.raises(StorageDown):
                await verb
    assert await listed(storage) == {}
    with pytest.raises(StorageDown):
        await put(storage, an_object("DEV/folder/dog.webp"), b"meow")
    with pytest.raises(StorageDown):
        await storage.delete([an_object("DEV/folder/cat.webp")])
    await storage.delete([an_object("DEV/link.webp")])
    assert {path.name for path in outside.rglob("*")} == {"folder", "secret", "cat.webp"}


async def test_what_is_no_file_is_not_waited_for(storage: LocalStorage) -> None:
    root = storage.spool.parent
    (root / "DEV").mkdir()
    os.mkfifo(root / "DEV" / "pipe.webp")
    with pytest.raises(StorageDown, match="not a file"):
        await storage.read(an_object("DEV/pipe.webp"))
    assert await listed(storage) == {}


async def test_preparing_a_storage_twice_leaves_it_as_it_is(storage: LocalStorage) -> None:
    await put(storage, CAT, b"meow")
    prepare(storage.spool)
    assert await storage.read(CAT) == b"meow"


async def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(Path("storage"))
    prepare(storage.spool)
    monkeypatch.chdir("elsewhere")
    await put(storage, CAT, b"meow")
    assert (tmp_path / "storage" / CAT.key).read_bytes() == b"meow"


@pytest.mark.parametrize("method", ["", "STANDALONE"])
async def test_local_files_are_the_storage_unless_the_settings_say_otherwise(tmp_path: Path, method: str) -> None:
    storage = open_storage(CoreSettings(delegated_storage_method=method, data_folder_path=tmp_path))
    prepare(storage.spool)
    await put(storage, CAT, b"meow")
    assert (tmp_path / CAT.key).read_bytes() == b"meow"
    assert storage.spool.is_relative_to(tmp_path)
