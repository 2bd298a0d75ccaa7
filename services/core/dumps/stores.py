"""The two kinds of places for dumps: a storage of objects (local files, S3), and the distant backend's own routes."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from pkgutil import resolve_name

from services.core import spool
from services.core.assets import media_types
from services.core.digests import sha256_of
from services.core.dumps.download import download
from services.core.dumps.naming import (
    KINDS,
    MEDIA_TYPES,
    DumpExists,
    DumpStore,
    Kind,
    filename_of,
    latest_of,
    parse,
    surplus,
)
from services.core.storage import NewObject, ObjectExists, ObjectMissing, Receipt, Storage, StoredObject
from services.core.storage.settings import StorageSettings

PREFIX = "dumps/"
_DIGEST_SUFFIX = ".sha256"
_STAMP = re.compile(r"dump_([0-9]{8}T[0-9]{6})\.(?:json|rdb)(?:\.sha256)?")


def open_dumps(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return the dump store of the backend that the settings choose; `storage` is open, and stays the caller's."""
    make: Callable[[StorageSettings, Storage], DumpStore] = resolve_name(settings.backend.dumps)
    return make(settings, storage)


def dumps_in_a_folder(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return the dump store of local files: a folder of its own, or one among the files."""
    if settings.dump_folder_path is None:
        # The catalog service makes the spool of these files: a folder without a spool is not a storage.
        return StoredDumps(storage, PREFIX, settings.backend.source, prepared=True)
    from services.core.storage.local import LocalStorage

    return StoredDumps(LocalStorage(settings.dump_folder_path), "", settings.backend.source)


def dumps_beside_files(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return a dump store that keeps dumps as objects of the storage; every backend can have it."""
    return StoredDumps(storage, PREFIX, settings.backend.source)


def dumps_at_the_backend(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return a dump store for a backend with routes of its own for dumps."""
    return DistantDumpStore(settings, storage)


class StoredDumps:
    """Dumps as objects below a prefix, each with its SHA-256 beside it, as `sha256sum` writes it."""

    def __init__(self, storage: Storage, prefix: str, source: str, *, prepared: bool = False) -> None:
        self._storage, self._prefix, self._prepared = storage, prefix, prepared
        self.source = source

    @property
    def spool(self) -> Path:
        return self._storage.spool

    def prepare(self) -> None:
        if not self._prepared:
            spool.prepare(self.spool)

    async def open(self) -> None:
        """Nothing lasts here that the storage does not have."""

    async def close(self) -> None:
        """See open."""

    async def save(self, rdb: Path, catalog: Path) -> None:
        for path in (rdb, catalog):
            digest = await asyncio.to_thread(sha256_of, path)
            beside = path.with_name(path.name + _DIGEST_SUFFIX)
            beside.write_text(f"{digest}  {path.name}\n")
            await self._store(beside, media_types.TEXT, sha256_of(beside))
            await self._store(path, MEDIA_TYPES[parse(path.name)[1]], digest)
        for path in (rdb, catalog):
            # Retention goes by it: the latest dump is a good one, so older ones may go.
            await self.fetch(path.name, path)
            path.unlink()

    async def fetch(self, filename: str, target: Path) -> None:
        expected = await self._expected(filename)
        await download(self._storage.stream(self._object(filename)), target, filename, lambda: expected)

    async def fetch_latest(self, kind: Kind, target: Path) -> str:
        filename = latest_of([name async for name in self._filenames()], kind)
        if filename is None:
            raise ObjectMissing(f"{self._prefix}latest.{kind}")
        await self.fetch(filename, target)
        return filename

    async def prune(self, keep: int, protected: str) -> list[str]:
        found = [_STAMP.fullmatch(name) async for name in self._filenames()]
        removed = surplus([match[1] for match in found if match], keep, protected)
        for stamp in removed:
            for kind in KINDS:
                name = filename_of(stamp, kind)
                # One by one and in this order: of a dump that is half removed, the RDB is what is left.
                await self._storage.delete([self._object(name)])
                await self._storage.delete([self._object(name + _DIGEST_SUFFIX)])
        return removed

    async def _store(self, source: Path, media_type: str, digest: str) -> None:
        [outcome] = await self._storage.put([NewObject(self._object(source.name, media_type), source, digest)])
        if isinstance(outcome, ObjectExists):
            raise DumpExists(source.name)
        if not isinstance(outcome, Receipt):
            raise outcome

    async def _expected(self, filename: str) -> str | None:
        """Return the SHA-256 of a file, None for one that was put there without it."""
        try:
            said = await self._storage.read(self._object(filename + _DIGEST_SUFFIX))
        except ObjectMissing:
            return None
        return said[:64].decode("latin-1").lower()

    async def _filenames(self) -> AsyncIterator[str]:
        async for listed in self._storage.list(f"{self._prefix}dump_"):
            yield listed.key.removeprefix(self._prefix)

    def _object(self, filename: str, media_type: str = "") -> StoredObject:
        return StoredObject(f"{self._prefix}{filename}", media_type)


class DistantDumpStore:
    """Dumps at the distant backend, which checks, lists and removes them as it likes."""

    def __init__(self, settings: StorageSettings, storage: Storage) -> None:
        from services.core.dumps.distant import DistantDumps

        self._backend, self._storage = DistantDumps(settings), storage
        self.source = settings.backend.source

    @property
    def spool(self) -> Path:
        return self._storage.spool

    def prepare(self) -> None:
        spool.prepare(self.spool)

    async def open(self) -> None:
        await self._backend.open()

    async def close(self) -> None:
        await self._backend.close()

    async def save(self, rdb: Path, catalog: Path) -> None:
        await self._backend.save(rdb, catalog)

    async def fetch(self, filename: str, target: Path) -> None:
        await self._backend.fetch(filename, target)

    async def fetch_latest(self, kind: Kind, target: Path) -> str | None:
        return await self._backend.fetch_latest(kind, target)

    async def prune(self, keep: int, protected: str) -> list[str]:
        """Remove nothing: how many dumps it keeps is the backend's business."""
        return []
