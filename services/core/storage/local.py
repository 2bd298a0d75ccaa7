"""Local files as the storage. Several processes may share the folder; it is one file system, spool included."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.core.errors import StorageDown
from services.core.storage.base import ObjectExists, ObjectMissing

CHUNK = 256 * 1024


class LocalStorage:
    """Files below `root`, by their keys. The spool is a hidden folder in it, which no key can name.

    A folder without a spool is no storage: a volume that is not mounted has lost no files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.spool = self._root / ".spool"

    def prepare(self) -> None:
        with self._errors_named():
            self.spool.mkdir(parents=True, exist_ok=True)

    async def create(self, key: str, source: Path, media_type: str) -> None:
        await asyncio.to_thread(self._create, self._path(key), source)

    async def read(self, key: str) -> bytes:
        with self._errors_named():
            return await asyncio.to_thread(self._path(key).read_bytes)

    async def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        with self._errors_named():
            file = await asyncio.to_thread(_open_at, self._path(key), start)
            try:
                while chunk := await asyncio.to_thread(file.read, CHUNK if length is None else min(CHUNK, length)):
                    yield chunk
                    if length is not None:
                        length -= len(chunk)
            finally:
                file.close()

    async def delete(self, key: str) -> None:
        with self._errors_named():
            await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Tell a file that is not there from a file system that does not work."""
        try:
            yield
        except FileNotFoundError as error:
            if not self.spool.exists():
                raise StorageDown("The storage is not there.", "Try again later.") from error
            raise ObjectMissing(str(error.filename)) from None
        except OSError as error:
            raise StorageDown(f"The storage does not work: {error.strerror}.", "Try again later.") from error

    def _path(self, key: str) -> Path:
        path = self._root / key
        if key.startswith("/") or ".." in path.parts or path == self._root:
            raise ValueError(f"not a storage key: {key!r}")
        return path

    def _create(self, target: Path, source: Path) -> None:
        with self._errors_named():
            if not source.exists():
                raise StorageDown("The upload was interrupted.", "Send it again.")
            _fsync(source)
            for folder in _make_folders(target.parent):
                _fsync(folder)
            try:
                # A link, unlike a rename, never takes the place of a file that is there.
                os.link(source, target)
            except FileExistsError:
                raise ObjectExists(target.name) from None
            _fsync(target.parent)
            source.unlink()

    def _check(self) -> None:
        with self._errors_named():
            descriptor, path = tempfile.mkstemp(dir=self.spool)
            os.close(descriptor)
            Path(path).unlink()


def _open_at(path: Path, start: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(start)
    return file


def _make_folders(folder: Path) -> list[Path]:
    """Create a folder and its parents; return the folders whose content changed, which must reach the disk too."""
    changed = []
    parent = folder
    while not parent.exists():
        parent = parent.parent
        changed.append(parent)
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
