"""Copies bytes to the new storage and puts the catalog beside them. What is there already is not touched."""

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from services.core import spool
from services.core.dumps.naming import Kind
from services.core.dumps.stores import open_dumps
from services.core.errors import BucketMissing
from services.core.storage import NewObject, ObjectExists, ObjectMissing, Receipt, Storage
from services.core.storage.settings import StorageSettings
from tools.migrate.entries import Fate
from tools.migrate.older_storage import Folder, OlderStorage

CATALOG = "from-older-service"
"""The name of the dump with the older catalog. A dump with a name is never removed because there are too many."""
_KINDS: tuple[Kind, ...] = ("json",)
_PREFIX = "migrate-"
_LEFT_SECONDS = 3600
_AT_ONCE = 8
_SAY_EVERY = 2.0


async def sizes_of(settings: StorageSettings, storage: Storage) -> dict[str, int]:
    """Return the objects of the new storage, each with its bytes; none if there is no storage yet.

    Raises StorageDown and OSError.
    """
    if not settings.backend.remote:
        # Its own list needs a spool, and looking makes none.
        folder = settings.data_folder_path
        return await Folder(folder).sizes() if folder.exists() else {}
    try:
        return {found.key: found.size async for found in storage.list()}
    except BucketMissing:
        return {}


@dataclass(slots=True)
class Progress:
    """Says on stderr how far the copying is, every two seconds."""

    whole: int
    done: int = 0
    copied_bytes: int = 0
    _said: float = 0.0

    def add(self, size: int) -> None:
        self.done += 1
        self.copied_bytes += size
        if self.done == self.whole or time.monotonic() - self._said >= _SAY_EVERY:
            self._said = time.monotonic()
            print(f"{self.done} of {self.whole} files, {self.copied_bytes / 1e6:.1f} MB", file=sys.stderr)


async def copy(fates: Sequence[Fate], older: OlderStorage, storage: Storage, say: Callable[[int], None]) -> list[Fate]:
    """Copy the bytes of entries that have a source; return all entries, with those whose bytes were not right.

    Each file is complete and checked before it is stored, so a copy that was interrupted goes on. Raises StorageDown
    and OSError.
    """
    spool.prepare(storage.spool)
    _remove_leftovers(storage.spool)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(fate: Fate) -> Fate:
        if not fate.source:
            return fate
        async with turns:
            moved = await _copy_one(fate, older, storage)
        say(moved.entry.size if moved.entry else 0)
        return moved

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(fate)) for fate in fates]
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None
    return [task.result() for task in tasks]


async def _copy_one(fate: Fate, older: OlderStorage, storage: Storage) -> Fate:
    assert fate.entry
    with _file_in(storage.spool) as path:
        try:
            digest = await _fetch(older, fate.source, path)
        except (ObjectMissing, FileNotFoundError):
            return replace(fate, what="missing bytes", note=f"{fate.source} was removed meanwhile.")
        if digest != fate.entry.signature:
            note = f"{fate.source} has the SHA-256 {digest}, and the catalog says {fate.entry.signature}."
            return replace(fate, what="other bytes", note=note)
        [outcome] = await storage.put([NewObject(fate.entry.stored, path, digest)])
    if isinstance(outcome, ObjectExists):
        return replace(fate, what="other bytes", note=f"{fate.entry.storage_key} was stored meanwhile. Run this again.")
    if not isinstance(outcome, Receipt):
        raise outcome
    return fate


@contextmanager
def _file_in(folder: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
    os.fchmod(descriptor, 0o644)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


async def _fetch(older: OlderStorage, key: str, target: Path) -> str:
    """Write an object to a file; return its SHA-256."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        async for chunk in older.chunks(key):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _remove_leftovers(folder: Path) -> None:
    """Remove files on their way that a killed run has left."""
    for path in folder.glob(f"{_PREFIX}*"):
        if path.is_file() and time.time() - path.stat().st_mtime > _LEFT_SECONDS:
            path.unlink(missing_ok=True)


async def store_catalog(fates: Sequence[Fate], settings: StorageSettings, storage: Storage) -> str:
    """Store the older entries as a dump of TADA, in the place of one that was stored before; return its name."""
    store = open_dumps(settings, storage)
    store.prepare()
    spool.prepare(storage.spool)
    await store.open()
    try:
        with tempfile.TemporaryDirectory(dir=store.spool, prefix=_PREFIX) as folder:
            listed = Path(folder) / f"{CATALOG}.json"
            listed.write_bytes(orjson.dumps([fate.value for fate in fates]))
            await store.replace(listed.with_suffix(".rdb"), listed, len(fates), _KINDS)
    finally:
        await store.close()
    return f"{CATALOG}.json"
