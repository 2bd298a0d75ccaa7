"""Local files as the storage. Several processes may share the folder; it is one file system, spool included.

Every path is walked folder by folder from the root without following a symbolic link, so neither a file in the storage
nor a key can lead out of it. (The root itself may be a link: that is the operator's.)
"""

import asyncio
import os
import stat
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from services.core.assets.stored_object import StoredObject
from services.core.errors import StorageDown
from services.core.spool import OURS, prepare, spool_of
from services.core.storage.base import (
    MARK,
    Listed,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Outcome,
    Receipt,
    each,
    id_in,
    mark_with,
)

CHUNK = 256 * 1024
_LISTED_AT_ONCE = 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Do not block: opening a pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalStorage:
    """Files below `root`, by their keys. The spool is a hidden folder in it, which no key can name.

    A folder without a spool is not a storage: the files of a volume that is not mounted are not lost.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.spool = spool_of(root)

    async def open(self) -> None:
        """There is nothing to open."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await each(new, lambda one: asyncio.to_thread(self._put, one))

    async def read(self, stored: StoredObject) -> bytes:
        return await asyncio.to_thread(self._read, stored.key)

    def read_in_thread(self, stored: StoredObject) -> bytes:
        return self._read(stored.key)

    async def stream(
        self, stored: StoredObject, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        with self._errors_named(), _Opening(lambda: self._open(stored.key)) as opening:
            file = await asyncio.to_thread(opening.file)
            file.seek(start)
            while chunk := await asyncio.to_thread(file.read, CHUNK if length is None else min(CHUNK, length)):
                yield chunk
                if length is not None:
                    length -= len(chunk)

    async def size(self, stored: StoredObject) -> int:
        return await asyncio.to_thread(self._size, stored.key)

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        for one in stored:
            await asyncio.to_thread(self._delete, one.key)

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        with self._errors_named():
            if not self.spool.is_dir():
                raise FileNotFoundError(str(self._root))
            found = self._walk(self._root, "", prefix)
            while batch := await asyncio.to_thread(lambda: list(islice(found, _LISTED_AT_ONCE))):
                for listed in batch:
                    yield listed

    async def ready(self) -> None:
        await asyncio.to_thread(self._check)

    async def mark(self) -> str | None:
        return await asyncio.to_thread(self._mark)

    async def make_mark(self, storage_id: str) -> str:
        return await asyncio.to_thread(self._make_mark, storage_id)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Tell a missing file from a file system that does not work."""
        try:
            yield
        except FileNotFoundError as error:
            if not self.spool.exists():
                raise StorageDown("The storage is not there.") from error
            raise ObjectMissing(str(error.filename)) from None
        except OSError as error:
            raise StorageDown(f"The storage does not work: {error.strerror}.") from error

    @contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder of a key, one step at a time; give its descriptor and the name of the file in it."""
        *folders, name = _parts(key)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(folder, dir_fd=descriptor)
                        os.fsync(descriptor)
                step = os.open(folder, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = step
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _open(self, key: str) -> BinaryIO:
        with self._folder(key) as (folder, name):
            descriptor = os.open(name, _FILE, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(0, "not a file")
        return os.fdopen(descriptor, "rb")

    def _read(self, key: str) -> bytes:
        with self._errors_named(), self._open(key) as file:
            return file.read()

    def _size(self, key: str) -> int:
        with self._errors_named(), self._open(key) as file:
            return os.fstat(file.fileno()).st_size

    def _put(self, new: NewObject) -> Receipt:
        try:
            with self._errors_named():
                self._link(new.object.key, new.source)
        except ObjectMissing:
            raise StorageDown("The upload was interrupted.", "Send it again.") from None
        return Receipt()

    def _link(self, key: str, source: Path) -> None:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with self._folder(key, make=True) as (folder, name):
            try:
                # A link, unlike a rename, never replaces an existing file.
                os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                raise ObjectExists(key) from None
            os.fsync(folder)
        source.unlink()

    def _delete(self, key: str) -> None:
        with suppress(ObjectMissing), self._errors_named(), self._folder(key) as (folder, name):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def _walk(self, folder: Path, path: str, prefix: str) -> Iterator[Listed]:
        with os.scandir(folder) as found:
            for item in found:
                key = f"{path}{item.name}"
                if item.is_dir(follow_symlinks=False):
                    inside = f"{key}/"
                    # Names that begin with the prefix, or folders that may hold such names.
                    if key not in OURS and (inside.startswith(prefix) or prefix.startswith(inside)):
                        yield from self._walk(Path(item.path), inside, prefix)
                elif item.is_file(follow_symlinks=False) and key.startswith(prefix) and key != MARK:
                    with suppress(FileNotFoundError):  # Deleted since.
                        yield Listed(key, item.stat(follow_symlinks=False).st_size)

    def _mark(self) -> str | None:
        try:
            return id_in((self._root / MARK).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageDown(f"The storage does not work: {error.strerror}.") from error

    def _make_mark(self, storage_id: str) -> str:
        prepare(self.spool)
        made = self.spool / f"mark-{storage_id}"
        try:
            made.write_bytes(mark_with(storage_id))
            with suppress(ObjectExists):
                self._link(MARK, made)
        except OSError as error:
            raise StorageDown(f"The storage cannot be marked: {error.strerror}.") from error
        finally:
            made.unlink(missing_ok=True)
        return self._mark() or storage_id

    def _check(self) -> None:
        with self._errors_named():
            descriptor, path = tempfile.mkstemp(dir=self.spool)
            os.close(descriptor)
            Path(path).unlink()


class _Opening:
    """A file that a thread opens. It is closed at the end of the context, or when it is open if that is later: a thread
    cannot be cancelled."""

    def __init__(self, open_file: Callable[[], BinaryIO]) -> None:
        self._open, self._lock = open_file, threading.Lock()
        self._file: BinaryIO | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_over = True
            if self._file:
                self._file.close()

    def file(self) -> BinaryIO:
        file = self._open()
        with self._lock:
            self._file = file
            if self._is_over:
                file.close()
        return file


def _parts(key: str) -> list[str]:
    """Split a key into its folders and its name; raises ValueError for a text that is not a key."""
    parts = key.split("/")
    if "\0" in key or any(part in ("", ".", "..") for part in parts) or parts[0] in OURS:
        raise ValueError(f"not a storage key: {key!r}")
    return parts
