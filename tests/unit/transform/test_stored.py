import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.storage import ObjectMissing
from services.core.storage.local import CHUNK, LocalStorage
from services.transform.stored import read_verified, stream_verified, verify
from tests.unit.conftest import MakeEntry

CONTENT = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"
Store = Callable[[bytes], Awaitable[Entry]]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def store(storage: LocalStorage, make_entry: MakeEntry) -> Store:
    """Return a function that stores bytes under an entry that was signed for `CONTENT`."""

    async def store(content: bytes) -> Entry:
        entry = replace(make_entry(), signature=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
        source = storage.spool / "upload"
        source.write_bytes(content)
        await storage.create(entry.storage_key, source, entry.original_mimetype)
        return entry

    return store


async def collect(stream: AsyncIterator[bytes], chunks: list[bytes]) -> None:
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is kept


async def streamed(storage: LocalStorage, entry: Entry) -> list[bytes]:
    return [chunk async for chunk in stream_verified(storage, entry)]


async def test_the_bytes_that_the_catalog_has_signed_are_delivered(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT)
    assert await read_verified(storage, entry) == CONTENT
    assert b"".join(await streamed(storage, entry)) == CONTENT
    await verify(storage, entry)


@pytest.mark.parametrize(
    "damaged", [b"", CONTENT[:-1], CONTENT + b"x", CONTENT[:100] + b"\xff" + CONTENT[101:], CONTENT[::-1]]
)
async def test_other_bytes_are_never_delivered_whole(storage: LocalStorage, store: Store, damaged: bytes) -> None:
    entry = await store(damaged)
    with pytest.raises(SignatureMismatch) as raised:
        await read_verified(storage, entry)
    assert raised.value.status == 500
    with pytest.raises(SignatureMismatch):
        await verify(storage, entry)
    sent: list[bytes] = []
    with pytest.raises(SignatureMismatch):
        await collect(stream_verified(storage, entry), sent)
    assert len(b"".join(sent)) < entry.size


async def test_a_stream_holds_no_more_than_a_chunk_back(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT)
    first = await anext(stream_verified(storage, entry))
    assert first == CONTENT[:CHUNK]
    assert max(len(chunk) for chunk in await streamed(storage, entry)) <= CHUNK


async def test_a_file_that_is_gone_is_missing(storage: LocalStorage, make_entry: MakeEntry) -> None:
    with pytest.raises(ObjectMissing):
        await read_verified(storage, make_entry())
    with pytest.raises(ObjectMissing):
        await streamed(storage, make_entry())
