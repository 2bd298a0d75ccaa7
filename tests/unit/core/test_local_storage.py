import asyncio
import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.core.errors import StorageDown
from services.core.settings import CoreSettings
from services.core.storage import ObjectExists, ObjectMissing, open_storage
from services.core.storage.local import CHUNK, LocalStorage

KEY = "DEV/shop/cat.webp"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "storage")
    made.prepare()
    return made


def spooled(storage: LocalStorage, content: bytes) -> Path:
    path = storage.spool / secrets.token_hex(8)
    path.write_bytes(content)
    return path


async def store(storage: LocalStorage, content: bytes, key: str = KEY) -> None:
    await storage.create(key, spooled(storage, content), "image/webp")


async def streamed(storage: LocalStorage, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(KEY, start, length)])


def files_of(storage: LocalStorage) -> set[str]:
    root = storage.spool.parent
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


async def test_what_is_stored_is_read_back(storage: LocalStorage) -> None:
    await store(storage, b"meow")
    assert await storage.read(KEY) == b"meow"
    assert await streamed(storage) == b"meow"


async def test_storing_takes_the_file_out_of_the_spool(storage: LocalStorage) -> None:
    source = spooled(storage, b"meow")
    await storage.create(KEY, source, "image/webp")
    assert files_of(storage) == {KEY}
    assert not source.exists()


async def test_a_stored_object_is_never_overwritten(storage: LocalStorage) -> None:
    await store(storage, b"first")
    second = spooled(storage, b"second")
    with pytest.raises(ObjectExists):
        await storage.create(KEY, second, "image/webp")
    assert await storage.read(KEY) == b"first"
    assert second.read_bytes() == b"second"


async def test_of_writers_at_the_same_time_exactly_one_wins(storage: LocalStorage) -> None:
    contents = [f"writer {number}".encode() for number in range(16)]
    outcomes = await asyncio.gather(*(store(storage, content) for content in contents), return_exceptions=True)
    [winner] = [content for content, outcome in zip(contents, outcomes, strict=True) if outcome is None]
    assert await storage.read(KEY) == winner
    assert sum(isinstance(outcome, ObjectExists) for outcome in outcomes) == 15


async def test_writers_of_neighbouring_keys_do_not_disturb_one_another(storage: LocalStorage) -> None:
    keys = [f"DEV/a/b/c/{number}.webp" for number in range(16)]
    await asyncio.gather(*(store(storage, key.encode(), key) for key in keys))
    assert [await storage.read(key) for key in keys] == [key.encode() for key in keys]


async def test_what_is_not_there_is_missing_however_it_is_asked_for(storage: LocalStorage) -> None:
    await store(storage, b"other", "DEV/other.webp")
    for key in (KEY, "DEV/none.webp"):
        with pytest.raises(ObjectMissing):
            await storage.read(key)
        with pytest.raises(ObjectMissing):
            await anext(storage.stream(key))


async def test_what_is_deleted_is_missing(storage: LocalStorage) -> None:
    await store(storage, b"meow")
    await storage.delete(KEY)
    with pytest.raises(ObjectMissing):
        await storage.read(KEY)


async def test_deleting_what_is_not_there_is_no_error(storage: LocalStorage) -> None:
    await storage.delete(KEY)
    await store(storage, b"meow")
    await storage.delete("DEV/shop/dog.webp")
    assert await storage.read(KEY) == b"meow"


async def test_a_reader_keeps_the_bytes_it_began_with_when_they_are_deleted(storage: LocalStorage) -> None:
    content = secrets.token_bytes(3 * CHUNK)
    await store(storage, content)
    reading = storage.stream(KEY)
    first = await anext(reading)
    await storage.delete(KEY)
    assert first + b"".join([chunk async for chunk in reading]) == content


async def test_a_large_object_comes_in_small_chunks(storage: LocalStorage) -> None:
    content = secrets.token_bytes(5 * CHUNK + 17)
    await store(storage, content)
    chunks = [chunk async for chunk in storage.stream(KEY)]
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2 * CHUNK + 100), st.none() | st.integers(0, 2 * CHUNK + 100))
async def test_any_part_of_an_object_can_be_streamed(storage: LocalStorage, start: int, length: int | None) -> None:
    content = bytes(range(256)) * (2 * CHUNK // 256) + b"the end"
    if KEY not in files_of(storage):
        await store(storage, content)
    assert await streamed(storage, start, length) == content[start : None if length is None else start + length]


@pytest.mark.parametrize("key", ["/etc/passwd", "../outside", "DEV/../../outside", "", ".", "DEV/.."])
async def test_no_key_leads_out_of_the_folder(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"untouched")
    source = spooled(storage, b"meow")
    for verb in (storage.read(key), storage.delete(key), storage.create(key, source, "image/webp")):
        with pytest.raises(ValueError, match="not a storage key"):
            await verb
    with pytest.raises(ValueError, match="not a storage key"):
        await anext(storage.stream(key))
    assert (tmp_path / "outside").read_bytes() == b"untouched"


async def test_a_healthy_storage_passes_its_check_and_is_left_clean(storage: LocalStorage) -> None:
    await storage.check()
    assert files_of(storage) == set()


async def test_a_folder_that_cannot_be_one_is_a_storage_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    storage = LocalStorage(tmp_path / "file")
    with pytest.raises(StorageDown) as raised:
        await storage.check()
    assert (raised.value.status, raised.value.retry_after) == (503, 2)
    with pytest.raises(StorageDown):
        await storage.read(KEY)
    with pytest.raises(StorageDown):
        await storage.delete(KEY)


async def test_a_storage_that_is_not_mounted_is_down_and_has_lost_no_files(tmp_path: Path) -> None:
    unmounted = LocalStorage(tmp_path)
    with pytest.raises(StorageDown):
        await unmounted.check()
    with pytest.raises(StorageDown):
        await unmounted.read(KEY)
    with pytest.raises(StorageDown):
        await anext(unmounted.stream(KEY))


async def test_preparing_a_storage_twice_leaves_it_as_it_is(storage: LocalStorage) -> None:
    await store(storage, b"meow")
    storage.prepare()
    assert await storage.read(KEY) == b"meow"


async def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(Path("storage"))
    storage.prepare()
    monkeypatch.chdir("elsewhere")
    await store(storage, b"meow")
    assert (tmp_path / "storage" / KEY).read_bytes() == b"meow"


@pytest.mark.parametrize("method", ["", "STANDALONE"])
async def test_local_files_are_the_storage_unless_the_settings_say_otherwise(tmp_path: Path, method: str) -> None:
    storage = open_storage(CoreSettings(delegated_storage_method=method, data_folder_path=tmp_path))
    assert isinstance(storage, LocalStorage)
    assert storage.spool.is_relative_to(tmp_path)
