"""What every storage promises (services/core/storage/base.py), asked of each of them."""

import asyncio
import hashlib
import secrets

import pytest

from services.core.storage import ObjectExists, ObjectMissing, Receipt, Storage, StoredObject
from tests.support.objects import an_object, listed, new, put, streamed

CAT = an_object()
BIG = 12 * 1024 * 1024 + 345
"""Bytes; more than one part of a multipart upload."""


async def test_what_is_stored_is_read_back(storage: Storage) -> None:
    await put(storage, CAT, b"meow")
    assert await storage.read(CAT) == b"meow"
    assert await streamed(storage, CAT) == b"meow"
    assert await storage.size(CAT) == 4


async def test_storing_takes_the_file_out_of_the_spool(storage: Storage) -> None:
    one = new(storage, CAT, b"meow")
    await storage.put([one])
    assert not one.source.exists()
    assert list(storage.spool.iterdir()) == []


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    await put(storage, CAT, b"")
    assert await storage.read(CAT) == b""
    assert await streamed(storage, CAT) == b""
    assert await storage.size(CAT) == 0


async def test_a_big_file_is_stored_whole_and_comes_in_small_chunks(storage: Storage) -> None:
    content = secrets.token_bytes(BIG)
    await put(storage, CAT, content)
    assert hashlib.sha256(await storage.read(CAT)).digest() == hashlib.sha256(content).digest()
    chunks = [chunk async for chunk in storage.stream(CAT)]
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= 1024 * 1024
    assert await storage.size(CAT) == BIG


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, None), (0, 0), (0, 1), (1, 10), (999_990, 100), (1_000_000, None), (1_000_001, 5), (500_000, None), (7, 0)],
)
async def test_any_part_of_an_object_can_be_streamed(storage: Storage, start: int, length: int | None) -> None:
    content = secrets.token_bytes(1_000_000)
    await put(storage, CAT, content)
    assert await streamed(storage, CAT, start, length) == content[start : None if length is None else start + length]


async def test_what_is_not_there_is_missing_however_it_is_asked_for(storage: Storage) -> None:
    await put(storage, an_object("DEV/other.webp"), b"other")
    for absent in (CAT, an_object("DEV/none.webp")):
        with pytest.raises(ObjectMissing):
            await storage.read(absent)
        with pytest.raises(ObjectMissing):
            await anext(storage.stream(absent))
        with pytest.raises(ObjectMissing):
            await anext(storage.stream(absent, 5, 5))
        with pytest.raises(ObjectMissing):
            await storage.size(absent)


async def test_what_is_deleted_is_missing_and_the_rest_is_there(storage: Storage) -> None:
    others = [an_object(f"DEV/{number}.webp") for number in range(5)]
    for one in others:
        await put(storage, one, one.key.encode())
    await storage.delete([others[0]])
    await storage.delete(others[1:4])
    for one in others[:4]:
        with pytest.raises(ObjectMissing):
            await storage.read(one)
    assert await storage.read(others[4]) == b"DEV/4.webp"


async def test_deleting_what_is_not_there_is_no_error(storage: Storage) -> None:
    await put(storage, CAT, b"meow")
    await storage.delete([])
    await storage.delete([an_object("DEV/none.webp")])
    await storage.delete([an_object("DEV/none.webp"), an_object("DEV/shop/dog.webp")])
    assert await storage.read(CAT) == b"meow"


async def test_what_was_deleted_can_be_stored_again(storage: Storage) -> None:
    await put(storage, CAT, b"meow")
    await storage.delete([CAT])
    await put(storage, CAT, b"purr")
    assert await storage.read(CAT) == b"purr"


async def test_a_stored_object_is_never_overwritten(write_once: Storage) -> None:
    await put(write_once, CAT, b"first")
    second = new(write_once, CAT, b"second")
    [outcome] = await write_once.put([second])
    assert isinstance(outcome, ObjectExists)
    assert await write_once.read(CAT) == b"first"
    assert second.source.read_bytes() == b"second", "it is still to be stored, under another key"


async def test_of_writers_at_the_same_time_exactly_one_wins(write_once: Storage) -> None:
    contents = [f"writer {number}".encode() for number in range(16)]
    outcomes = await asyncio.gather(*(write_once.put([new(write_once, CAT, content)]) for content in contents))
    won = [content for content, [outcome] in zip(contents, outcomes, strict=True) if isinstance(outcome, Receipt)]
    assert await write_once.read(CAT) == won[0]
    assert len(won) == 1
    assert sum(isinstance(outcome, ObjectExists) for [outcome] in outcomes) == 15


async def test_writers_of_neighbouring_keys_do_not_disturb_one_another(storage: Storage) -> None:
    objects = [an_object(f"DEV/a/b/c/{number}.webp") for number in range(16)]
    await asyncio.gather(*(put(storage, one, one.key.encode()) for one in objects))
    assert [await storage.read(one) for one in objects] == [one.key.encode() for one in objects]


async def test_several_files_are_stored_in_one_go(storage: Storage) -> None:
    objects = [an_object(f"DEV/{number}.webp") for number in range(12)]
    outcomes = await storage.put([new(storage, one, one.key.encode()) for one in objects])
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert [await storage.read(one) for one in objects] == [one.key.encode() for one in objects]
    assert list(storage.spool.iterdir()) == []
    assert await storage.put([]) == []


async def test_of_several_files_each_succeeds_or_fails_by_itself(write_once: Storage) -> None:
    await put(write_once, an_object("DEV/1.webp"), b"there already")
    outcomes = await write_once.put([new(write_once, an_object(f"DEV/{number}.webp"), b"new") for number in range(3)])
    assert [type(outcome) for outcome in outcomes] == [Receipt, ObjectExists, Receipt]
    assert await write_once.read(an_object("DEV/1.webp")) == b"there already"


@pytest.mark.parametrize(
    "key",
    [
        "DEV/with space.webp",
        "DEV/é à ü/ñ.webp",
        "DEV/日本語.webp",
        "DEV/a+b&c=d%20e.webp",
        "DEV/cat.webp.0123456789abcdef",
        "DEV/~-_@!$'().webp",
        "DEV/" + "/".join(["folder"] * 10) + "/deep.webp",
        "DEV/" + "n" * 200 + ".webp",
    ],
)
async def test_odd_names_are_names(storage: Storage, key: str) -> None:
    odd = an_object(key)
    await put(storage, odd, key.encode())
    assert await storage.read(odd) == key.encode()
    assert await storage.size(odd) == len(key.encode())
    assert await listed(storage) == {key: len(key.encode())}
    await storage.delete([odd])
    with pytest.raises(ObjectMissing):
        await storage.read(odd)


async def test_everything_that_is_stored_is_listed_with_its_size(storage: Storage) -> None:
    assert await listed(storage) == {}
    sizes = {f"{namespace}/f{number}/{number}.webp": number for namespace in ("DEV", "PROD") for number in range(30)}
    for key, size in sizes.items():
        await put(storage, an_object(key), b"x" * size)
    assert await listed(storage) == sizes
    assert await listed(storage, "DEV/") == {key: size for key, size in sizes.items() if key.startswith("DEV/")}
    assert await listed(storage, "PROD/f2") == {key: size for key, size in sizes.items() if key.startswith("PROD/f2")}
    assert await listed(storage, "NONE/") == {}


async def test_what_is_in_the_spool_is_not_listed(storage: Storage) -> None:
    new(storage, CAT, b"coming in")
    assert await listed(storage) == {}


async def test_a_reader_that_leaves_in_the_middle_does_no_harm(storage: Storage) -> None:
    await put(storage, CAT, secrets.token_bytes(BIG))
    for _ in range(60):  # More than there are connections.
        reading = storage.stream(CAT)
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]
    assert await storage.size(CAT) == BIG


async def test_a_writer_that_is_cancelled_leaves_nothing_or_all(storage: Storage) -> None:
    content = secrets.token_bytes(BIG)
    for pause in (0.0, 0.005, 0.02, 0.05):
        writing = asyncio.create_task(storage.put([new(storage, CAT, content)]))
        await asyncio.sleep(pause)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        # What was sent whole before the cancelling may be stored at any time after it: looked at once, then.
        found = await listed(storage)
        assert found in ({}, {CAT.key: BIG})
        if found:
            assert await storage.read(CAT) == content
        await storage.delete([CAT])


async def test_many_readers_and_writers_at_once_all_get_their_own(storage: Storage) -> None:
    async def one(number: int) -> None:
        mine = an_object(f"DEV/{number}.webp")
        content = str(number).encode() * 10_000
        await put(storage, mine, content)
        for _ in range(3):
            assert await storage.read(mine) == content
            assert await streamed(storage, mine, 5, 20) == content[5:25]

    async with asyncio.TaskGroup() as tasks:
        for number in range(80):
            tasks.create_task(one(number))


async def test_a_healthy_storage_passes_its_check_and_is_left_clean(storage: Storage) -> None:
    await storage.ready()
    assert await listed(storage) == {}
    assert list(storage.spool.iterdir()) == []


async def test_an_object_known_by_its_key_alone_can_be_read_and_deleted(storage: Storage) -> None:
    await put(storage, CAT, b"meow")
    by_key = StoredObject(CAT.key)
    assert await storage.read(by_key) == b"meow"
    await storage.delete([by_key])
    with pytest.raises(ObjectMissing):
        await storage.read(by_key)
