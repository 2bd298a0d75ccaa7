"""`python -m services.jobs backup FOLDER`: the catalog and all of its files in a consistent state.

It is made while others write, so bytes and catalog cannot be copied at one instant. The catalog is read entry by entry,
and the file of each entry is copied at once. As an object is written once, its SHA-256 shows whether it is the file of
the entry. If the file is gone, the asset was replaced or deleted meanwhile. Then the entry is read again, and the
backup has the newer state, or no such asset. So every entry of a backup has its file, no matter what writers do. (The
other order, files first, misses all files that were uploaded during the copy.)

A backup is a separate folder, named by the second (UTC). It is complete or not there:

    20261130T031500/storage/              what local storage would have: files by their storage keys, and the mark
    20261130T031500/storage/dumps/        a JSON dump of the same entries, which POST /catalog/restore-dump takes

Files that are in the previous backup are not copied again: both backups share them (hard links). No backup is removed.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from services.core import spool
from services.core.assets import media_types
from services.core.assets.addresses import Addresses
from services.core.assets.entries import Entry
from services.core.digests import sha256_of
from services.core.dumps.naming import filename_of, stamp_of
from services.core.dumps.stores import PREFIX, beside_text
from services.core.errors import SignatureMismatch
from services.core.state import entry_json
from services.core.state.entries import Entries
from services.core.storage import (
    Marked,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Receipt,
    ReplacesInPlace,
    Storage,
    StoredObject,
)
from services.core.storage.local import LocalStorage
from services.core.storage.verification import stream_verified

_AT_ONCE = 8
_AGAIN_SECONDS = 0.2
"""Pause before an entry without its file is read again: its writer may be about to change the entry."""
_TRIES = 50
_STAMPS = "[0-9]" * 8 + "T" + "[0-9]" * 6


@dataclass(slots=True)
class Backup:
    """What was copied. `linked` files are shared with the previous backup; `missing` are entries without their file."""

    folder: Path
    entries: int = 0
    linked: int = 0
    missing: list[str] = field(default_factory=list)


async def back_up(entries: Entries, storage: Storage, folder: Path, addresses: Addresses) -> Backup:
    """Make a backup in a new folder below `folder`; raises StorageDown, RedisError, CatalogReplaced and OSError.

    Nothing incomplete is left then. `storage` is only read.
    """
    stamp = stamp_of(datetime.now(UTC))
    target, partial = folder / stamp, folder / f"{stamp}.part"
    before = await asyncio.to_thread(_begin, folder, partial)
    try:
        made = await _Copy(entries, storage, partial / "storage", before and before / "storage").run(stamp, addresses)
        await asyncio.to_thread(_finish, partial, target)
    finally:
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
    made.folder = target
    return made


def _begin(folder: Path, partial: Path) -> Path | None:
    """Make the folder of a backup and return the previous backup, if there is one."""
    before = max(folder.glob(_STAMPS), default=None)
    partial.mkdir(parents=True)
    return before


def _finish(partial: Path, target: Path) -> None:
    """Give a backup its name, durably. Its files are durable already: local storage stored them."""
    partial.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Copy:
    def __init__(self, entries: Entries, storage: Storage, root: Path, before: Path | None) -> None:
        self._entries, self._storage, self._before = entries, storage, before
        self._replaces_in_place = isinstance(storage, ReplacesInPlace)
        self._target = LocalStorage(root)
        self._made = Backup(root)
        self._names = iter(range(10**12))
        spool.prepare(self._target.spool)

    async def run(self, stamp: str, addresses: Addresses) -> Backup:
        listed = self._target.spool / "list.json"
        with listed.open("wb") as file:
            file.write(b"[")
            async for raw in self._copied():
                file.write((b"," if self._made.entries else b"") + entry_json.list_of([raw], addresses))
                self._made.entries += 1
            file.write(b"]")
        await self._put_dump(listed, stamp)
        if isinstance(self._storage, Marked) and (mark := await self._storage.mark()):
            await self._target.make_mark(mark)
        await asyncio.to_thread(shutil.rmtree, self._target.spool)
        return self._made

    async def _copied(self) -> AsyncIterator[bytes]:
        """Copy the files of entries; yield the stored entries whose files were copied, in their order."""
        async for page in self._entries.scan():
            left = iter(page)
            while batch := list(islice(left, _AT_ONCE)):
                # The folder is removed after a failure, so no other copy may still write into it then.
                for outcome in await asyncio.gather(*map(self._with_file, batch), return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        raise outcome
                    if outcome is not None:
                        yield outcome

    async def _with_file(self, raw: bytes) -> bytes | None:
        """Copy the file of an entry; return the entry in the state that has this file, None if it was deleted."""
        for _ in range(_TRIES):
            entry = entry_json.read(raw)
            try:
                await self._bring(entry)
            except (ObjectMissing, SignatureMismatch):
                await asyncio.sleep(_AGAIN_SECONDS)
                current = await self._entries.raw(entry.key)
                if current is None:
                    return None
                # Bytes that are replaced in place are new before their entry is.
                if not self._replaces_in_place and _same_file(entry, entry_json.read(current)):
                    break
                raw = current
            else:
                return raw
        self._made.missing.append(entry.unique_name)
        return raw

    async def _bring(self, entry: Entry) -> None:
        source = self._target.spool / f"{next(self._names)}"
        try:
            if not await asyncio.to_thread(self._link, entry, source):
                with source.open("wb") as file:
                    async with aclosing(stream_verified(self._storage, entry)) as chunks:
                        async for chunk in chunks:
                            await asyncio.to_thread(file.write, chunk)
            await self._put(NewObject(StoredObject(entry.storage_key), source, entry.signature))
        finally:
            source.unlink(missing_ok=True)

    def _link(self, entry: Entry, source: Path) -> bool:
        """Link the file of the previous backup, if it has the bytes of the entry."""
        if self._before is None:
            return False
        kept = self._before / entry.storage_key
        with suppress(OSError):
            if kept.stat().st_size == entry.size and sha256_of(kept) == entry.signature:
                os.link(kept, source, follow_symlinks=False)
                self._made.linked += 1
                return True
        return False

    async def _put(self, new: NewObject) -> None:
        [outcome] = await self._target.put([new])
        if isinstance(outcome, ObjectExists):  # It is from an older state, or from a deleted asset.
            await self._target.delete([new.object])
            [outcome] = await self._target.put([new])
        if not isinstance(outcome, Receipt):
            raise outcome

    async def _put_dump(self, listed: Path, stamp: str) -> None:
        name = filename_of(stamp, "json")
        digest = await asyncio.to_thread(sha256_of, listed)
        beside = listed.with_name("list.json.sha256")
        beside.write_text(beside_text(name, digest, self._made.entries))
        described = StoredObject(f"{PREFIX}{name}.sha256", media_types.TEXT)
        await self._put(NewObject(described, beside, sha256_of(beside)))
        await self._put(NewObject(StoredObject(f"{PREFIX}{name}", media_types.JSON), listed, digest))


def _same_file(one: Entry, other: Entry) -> bool:
    return (one.storage_key, one.signature, one.version) == (other.storage_key, other.signature, other.version)
