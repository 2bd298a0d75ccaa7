import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.assets.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.spool import prepare
from services.core.storage import ObjectMissing
from services.core.storage.local import CHUNK, LocalStorage
from services.core.storage.meter import Meter
from services.core.storage.verification import read_verified, stream_verified, verify, verify_size
from services.core.storage.wrapper import wrapped
from tests.support.entries import MakeEntry
from tests.support.objects import held_open, put

CONTENT = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"
Store = Callable[[bytes], Awaitable[Entry]]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path)
    prepare(made.spool)
    return made


@pytest.fixture
def store(storage: LocalStorage, make_entry: MakeEntry) -> Store:
    """Return a function that stores bytes under an entry that was signed for `CONTENT`."""

    async def store(content: bytes) -> Entry:
        entry = replace(make_entry(), signature=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
        await put(storage, entry.stored, content)
        return entry

    return store


async def collect(chunks: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for chunk in chunks:
        into += [chunk]


async def test_the_bytes_that_the_catalog_has_signed_are_delivered(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT)
    assert await read_verified(storage, entry) == CONTENT
    await verify(storage, entry)
    await verify_size(storage, entry)
    assert b"".join([chunk async for chunk in stream_verified(storage, entry)]) == CONTENT


@pytest.mark.parametrize(
    "damaged", [b"", CONTENT[:-1], CONTENT + b"x", CONTENT[:100] + b"\xff" + CONTENT[101:], CONTENT[::-1]]
)
async def test_other_bytes_are_never_delivered(storage: LocalStorage, store: Store, damaged: bytes) -> None:
    entry = await store(damaged)
    with pytest.raises(SignatureMismatch) as raised:
        await read_verified(storage, entry)
    assert raised.value.status == 500
    with pytest.raises(SignatureMismatch):
        await verify(storage, entry)
    sent: list[bytes] = []
    with pytest.raises(SignatureMismatch):
        await collect(stream_verified(storage, entry), sent)
    assert sum(map(len, sent)) < len(CONTENT), "what is cut is shorter than was promised, so no cache keeps it"
    if len(damaged) != len(CONTENT):
        with pytest.raises(SignatureMismatch):
            await verify_size(storage, entry)


async def test_a_file_that_is_gone_is_missing(storage: LocalStorage, make_entry: MakeEntry) -> None:
    with pytest.raises(ObjectMissing):
        await read_verified(storage, make_entry())
    with pytest.raises(ObjectMissing):
        await verify(storage, make_entry())
    with pytest.raises(ObjectMissing):
        await verify_size(storage, make_entry())
    with pytest.raises(ObjectMissing):
        await anext(stream_verified(storage, make_entry()))


async def test_a_reader_that_stops_before_the_end_leaves_no_file_open(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT)
    async with aclosing(stream_verified(wrapped(storage, Meter("test"), None), entry)) as chunks:
        await anext(chunks)
        assert held_open(storage) == {entry.storage_key}
    assert held_open(storage) == set()


async def test_an_object_that_is_too_long_is_not_left_open(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT + bytes(2 * CHUNK))
    with pytest.raises(SignatureMismatch):
        await verify(wrapped(storage, Meter("test"), None), entry)
    assert held_open(storage) == set()
