import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.storage import ObjectMissing
from services.core.storage.local import CHUNK, LocalStorage
from services.transform.stored import read_verified, verify
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


async def test_the_bytes_that_the_catalog_has_signed_are_delivered(storage: LocalStorage, store: Store) -> None:
    entry = await store(CONTENT)
    assert await read_verified(storage, entry) == CONTENT
    await verify(storage, entry)


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


async def test_a_file_that_is_gone_is_missing(storage: LocalStorage, make_entry: MakeEntry) -> None:
    with pytest.raises(ObjectMissing):
        await read_verified(storage, make_entry())
    with pytest.raises(ObjectMissing):
        await verify(storage, make_entry())
