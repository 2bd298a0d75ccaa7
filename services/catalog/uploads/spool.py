"""Writes uploaded files to the storage's spool as they arrive, and hashes and measures them meanwhile."""

import asyncio
import hashlib
import logging
import os
import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path

from redis.exceptions import RedisError

from services.catalog.uploads.opened import Opened
from services.core.assets import media_types
from services.core.assets.containers import Malformed
from services.core.assets.containers.ending import is_ended
from services.core.digests import sha256_of
from services.core.errors import FileTooLarge, StorageDown
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.state.process import Process

log = logging.getLogger(__name__)

_BUFFER = 256 * 1024
_SWEEP_SECONDS = 5
_OLD_SECONDS = 10
_OWNED, _SUFFIX = "~", ".part"


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """An uploaded file that was not kept: one among several that is too large."""

    given_name: str
    error: FileTooLarge


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A whole uploaded file. `declared_type` is the type in the client's header, `media_type` the type of the bytes."""

    given_name: str
    declared_type: str | None
    media_type: str | None
    path: Path
    size: int
    signature: str
    ended: bool = True
    """False for a picture without its end mark: only a decoder can tell whether it is complete."""
    damage: str | None = None
    """Why the file breaks off; completes "it …"."""


def spool_path(folder: Path, owner: str) -> Path:
    """Return a name for a file of a process. If the process dies, its files are removed."""
    return folder / f"{owner}{_OWNED}{secrets.token_hex(16)}{_SUFFIX}"


class SpoolWriter:
    """Writes one file to the spool, never holding more than a small buffer of it."""

    def __init__(self, folder: Path, owner: str, given_name: str, declared_type: str | None, limit: int) -> None:
        self.path = spool_path(folder, owner)
        self.given_name = given_name
        self._declared_type = declared_type
        self._limit = limit
        self._file = self._open()
        self._hash = hashlib.sha256()
        self._sniffer = media_types.Sniffer()
        self._size = 0
        self._buffer = bytearray()

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise _no_space(error) from error

    async def write(self, data: bytes) -> None:
        """Add bytes; raises FileTooLarge as soon as there are more than allowed."""
        self._size += len(data)
        if self._size > self._limit:
            raise FileTooLarge(self._limit)
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            await self._flush()

    async def finish(self) -> SpooledFile:
        data, self._buffer = bytes(self._buffer), bytearray()
        found = await asyncio.to_thread(self._last, data)
        os.close(self._file)
        self._file = -1
        return found

    def _last(self, data: bytes) -> SpooledFile:
        self._write(data)
        media_type = self._sniffer.media_type()
        ended, damage = True, None
        try:
            ended = is_ended(Opened(self._file), media_type or "")
        except Malformed as problem:
            damage = str(problem)
        return SpooledFile(
            given_name=self.given_name,
            declared_type=self._declared_type,
            media_type=media_type,
            path=self.path,
            size=self._size,
            signature=self._hash.hexdigest(),
            ended=ended,
            damage=damage,
        )

    def discard(self) -> None:
        """Remove the file, unless the storage has taken it."""
        self._buffer = bytearray()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self.path.unlink(missing_ok=True)

    async def _flush(self) -> None:
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._sniffer.feed(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _no_space(error) from error


def measured_again(file: SpooledFile) -> SpooledFile:
    """Return the data of a file that was rewritten in the spool."""
    return replace(file, size=file.path.stat().st_size, signature=sha256_of(file.path))


async def sweep_forever(folder: Path, process: Process) -> None:
    """Regularly remove files that dead processes have left in the spool."""
    while not is_cancelled():
        try:
            await _sweep(folder, process)
        except (RedisError, OSError) as error:
            logs.event(log, logging.WARNING, "sweep_failed", error=str(error))
        await asyncio.sleep(_SWEEP_SECONDS)


async def _sweep(folder: Path, process: Process) -> None:
    for path in await asyncio.to_thread(lambda: list(folder.glob(f"*{_OWNED}*{_SUFFIX}"))):
        if _is_old(path) and not await process.is_alive(path.name.partition(_OWNED)[0]):
            logs.event(log, logging.INFO, "spool_swept", file=path.name)
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    """Say whether nothing has been written for a while: a living process gives no sign while Redis is away."""
    try:
        return time.time() - path.stat().st_mtime > _OLD_SECONDS
    except FileNotFoundError:
        return False


def _no_space(error: OSError) -> StorageDown:
    return StorageDown(f"The upload cannot be stored: {error.strerror}.")
