"""The bytes of an archive: its files, verified, one after the other.

A file that cannot be sent does not end the archive. It is named in MISSING.txt, the last member. If the storage is
down, the archive is cut: all other files would be missing, too.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from services.catalog.archives.zip_stream import ZipStream
from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.state import entry_json
from services.core.state.entry_reader import EntryReader
from services.core.storage import ObjectMissing, Storage
from services.core.storage.verification import stream_verified

MISSING = "MISSING.txt"
GONE = "It was deleted."
UNSEEN = "It is expired or not visible yet, and your token may not get it."
LOST = "The storage does not have it."
DAMAGED = "It is damaged in the storage."
_BATCH = 100
_PIECE = 128 * 1024
_TRIES = 3
"""How often a file is begun that is replaced at the same moment."""

Sees = Callable[[str], bool]
"""Says whether all files of a namespace may be sent, also those that are not delivered now."""


class _NotSent(Exception):
    """A file is not in the archive; its text says why."""


class Sending:
    """One archive that is being sent. `sees` raises TadaError when nothing may be sent any more."""

    def __init__(self, reader: EntryReader, storage: Storage, sees: Callable[[], Sees]) -> None:
        self._reader, self._storage, self._sees = reader, storage, sees
        self._zip = ZipStream()
        self._taken = set[str]()
        self._missing = list[tuple[str, str]]()
        self.is_whole = False
        """Whether all of it has been sent."""

    async def pieces(self, unique_names: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Yield the ZIP with the files of these assets, as they are when their turn comes.

        Raises StorageDown, RedisError, and what `sees` raises.
        """
        for at in range(0, len(unique_names), _BATCH):
            sees, part = self._sees(), unique_names[at : at + _BATCH]
            for name, raw in zip(part, await self._read(part), strict=True):
                try:
                    async with aclosing(self._file(name, raw, sees)) as pieces:
                        async for piece in pieces:
                            yield piece
                except _NotSent as why:
                    self._missing.append((name, str(why)))
        if self._missing:
            self._add_missing()
        await asyncio.to_thread(self._zip.close)  # The list of contents of many files takes a while.
        yield self._zip.take()
        self.is_whole = True

    async def _read(self, unique_names: Sequence[str]) -> list[bytes | None]:
        """Return entries by where they are, or where they were before they were moved."""
        return await self._reader.read([identity.asset_uuid(name) for name in unique_names])

    async def _file(self, unique_name: str, raw: bytes | None, sees: Sees) -> AsyncGenerator[bytes, None]:
        """Yield pieces of the ZIP with one more file; raises _NotSent."""
        why = GONE
        for _ in range(_TRIES):
            if raw is None:
                raise _NotSent(GONE)
            entry = entry_json.read(raw)
            if not (entry.is_visible(time.time()) or sees(entry.namespace)):
                raise _NotSent(UNSEEN)
            try:
                async with aclosing(self._member(entry)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ObjectMissing:
                why = LOST
            except SignatureMismatch:
                why = DAMAGED
            before, [raw] = raw, await self._read([unique_name])
            if raw == before:
                break
        raise _NotSent(why)

    async def _member(self, entry: Entry) -> AsyncGenerator[bytes, None]:
        """Yield pieces of the ZIP with a file; raises ObjectMissing and SignatureMismatch, and leaves it out then."""
        async with aclosing(stream_verified(self._storage, entry)) as chunks:
            first = await anext(chunks, b"")
            name = free_name(path_of(entry), self._taken)
            self._zip.begin(name, entry.size, datetime.fromisoformat(entry.delivered_since))
            try:
                self._zip.write(first)
                async for chunk in chunks:
                    if len(self._zip) >= _PIECE:
                        yield self._zip.take()
                    self._zip.write(chunk)
            except BaseException:
                self._zip.drop()
                raise
        self._zip.finish()
        self._taken.add(name)
        if len(self._zip) >= _PIECE:
            yield self._zip.take()

    def _add_missing(self) -> None:
        lines = "".join(f"{name}: {why}\r\n" for name, why in self._missing)
        text = f"These files are not in this archive:\r\n\r\n{lines}".encode()
        self._zip.begin(MISSING, len(text), datetime.now(UTC))
        self._zip.write(text)
        self._zip.finish()


def path_of(entry: Entry) -> str:
    """Return the path of a file in an archive: that of the asset, with the extension of the stored bytes."""
    is_as_uploaded = entry.stored_type == entry.original_mimetype
    return (entry.original_name if is_as_uploaded else entry.unique_name).removeprefix("/")


def free_name(path: str, taken: set[str]) -> str:
    """Return a path that is free: `a.webp`, uploaded as `a.jpg`, may be beside another `a.jpg`."""
    stem, dot, extension = path.rpartition(".")
    number, free = 1, path
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{extension}"
    return free
