import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.assets.entries import Entry
from services.core.storage.local import LocalStorage
from services.transform.answer.kept import Kept
from tests.support.entries import MakeEntry
from tests.support.objects import put

CONTENT = b"signed bytes"
Store = Callable[[str], Awaitable[Entry]]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def store(storage: LocalStorage, tmp_path: Path, make_entry: MakeEntry) -> Store:
    """Return a function that stores CONTENT, as if an hour ago."""

    async def store(name: str) -> Entry:
        entry = replace(make_entry(name), signature=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
        await put(storage, entry.stored, CONTENT)
        return entry

    return store


def keep(kept: Kept, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold CONTENT for an entry, whose file counts as settled."""
    with monkeypatch.context() as patch:
        patch.setattr("services.transform.answer.kept._SETTLED_NS", -1_000_000_000)
        kept.keep(entry, kept.before_reading(entry), CONTENT)


async def test_bytes_are_held_as_long_as_their_file_is_as_it_was(
    storage: LocalStorage, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await store("cat.jpg")
    kept, path = Kept(storage), tmp_path / entry.storage_key
    changes: list[Callable[[], object]] = [
        lambda: path.write_bytes(b"other bytes!"),
        lambda: (path.with_suffix(".new").write_bytes(CONTENT), path.with_suffix(".new").replace(path)),
        lambda: os.utime(path),
        path.unlink,
    ]
    for change in changes:
        keep(kept, entry, monkeypatch)
        assert kept.find(entry) == CONTENT
        change()
        assert kept.find(entry) is None


async def test_the_bytes_of_another_version_are_not_found(
    storage: LocalStorage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, kept = await store("cat.jpg"), Kept(storage)
    keep(kept, entry, monkeypatch)
    assert kept.find(replace(entry, signature="0" * 64)) is None


async def test_a_file_that_has_just_been_written_may_change_without_a_trace_and_is_not_held(
    storage: LocalStorage, store: Store
) -> None:
    entry, kept = await store("cat.jpg"), Kept(storage)
    kept.keep(entry, kept.before_reading(entry), CONTENT)
    assert kept.find(entry) is None


async def test_what_changed_while_it_was_read_is_not_held(
    storage: LocalStorage, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, kept = await store("cat.jpg"), Kept(storage)
    monkeypatch.setattr("services.transform.answer.kept._SETTLED_NS", -1_000_000_000)
    mark = kept.before_reading(entry)
    (tmp_path / entry.storage_key).write_bytes(b"other bytes!")
    kept.keep(entry, mark, CONTENT)
    assert kept.find(entry) is None


async def test_no_more_is_held_than_there_is_room_for(
    storage: LocalStorage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(storage, most=4 * len(CONTENT))
    entries = [await store(f"cat{number}.jpg") for number in range(5)]
    for entry in entries[:4]:
        keep(kept, entry, monkeypatch)
    assert kept.find(entries[0]) == CONTENT
    keep(kept, entries[4], monkeypatch)
    assert [kept.find(entry) is not None for entry in entries] == [True, False, True, True, True]
