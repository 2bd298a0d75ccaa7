"""The two kinds of places for dumps: a storage of objects (local files, S3), and the distant backend's own routes."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from pkgutil import resolve_name

import orjson

from services.core import spool
from services.core.assets import media_types
from services.core.digests import sha256_of
from services.core.dumps.download import download
from services.core.dumps.naming import (
    KINDS,
    MEDIA_TYPES,
    STAMP,
    STEM,
    DumpExists,
    DumpStore,
    Kind,
    filename_of,
    parse,
)
from services.core.dumps.retention import EMPTY_BYTES, KeptDump, latest_of, surplus
from services.core.errors import DumpDamaged, EmptyDump
from services.core.storage import (
    ListingUnsupported,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Receipt,
    Storage,
    StoredObject,
)
from services.core.storage.backends import Backend
from services.core.storage.settings import StorageSettings

PREFIX = "dumps/"
_DIGEST_SUFFIX = ".sha256"
_NAME = re.compile(rf"{STEM}({STAMP})\.(json|rdb)(?:\.sha256)?")
_RECORDS = re.compile(r"^# ([0-9]+) entries$", re.MULTILINE)
_COUNTED_BYTES = 16 * 1024 * 1024
"""If the number of entries is not recorded, it is counted in a JSON up to this size: about 20 000 entries."""


def open_dumps(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return the dump store of the backend that the settings choose; `storage` is open, and stays the caller's."""
    make: Callable[[StorageSettings, Storage], DumpStore] = resolve_name(settings.backend.dumps)
    return make(settings, storage)


def dumps_in_a_folder(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return the dump store of local files: a folder of its own, or one among the files."""
    if settings.dump_folder_path is None:
        # The catalog service makes the spool of these files: a folder without a spool is not a storage.
        return StoredDumps(storage, PREFIX, settings.backend, prepared=True)
    from services.core.storage.local import LocalStorage

    return StoredDumps(LocalStorage(settings.dump_folder_path), "", settings.backend)


def dumps_beside_files(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return a dump store that keeps dumps as objects of the storage; every backend can have it."""
    return StoredDumps(storage, PREFIX, settings.backend)


def dumps_at_the_backend(settings: StorageSettings, storage: Storage) -> DumpStore:
    """Return a dump store for a backend with routes of its own for dumps."""
    return DistantDumpStore(settings, storage)


def beside_text(name: str, digest: str, records: int) -> str:
    """Return what is beside a file of a dump: its SHA-256 as `sha256sum` writes it, and a comment with its number of
    entries."""
    return f"{digest}  {name}\n# {records} entries\n"


class StoredDumps:
    """Dumps as objects below a prefix, each with its SHA-256 beside it: see `beside_text`."""

    def __init__(self, storage: Storage, prefix: str, backend: Backend, *, prepared: bool = False) -> None:
        self._storage, self._prefix, self._prepared = storage, prefix, prepared
        self.backend = backend

    @property
    def spool(self) -> Path:
        return self._storage.spool

    def prepare(self) -> None:
        if not self._prepared:
            spool.prepare(self.spool)

    async def open(self) -> None:
        """There is nothing to open: the storage is open."""

    async def close(self) -> None:
        """See open."""

    async def save(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        paths = [path for path in (rdb, catalog) if parse(path.name)[1] in kinds]
        for path in paths:
            await self._store_with_digest(path, records)
        for path in paths:
            await self._read_back(path)

    async def replace(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        stem = parse(catalog.name)[0]
        paths: dict[Kind, Path] = {"rdb": rdb, "json": catalog}
        before = [kind for kind in paths if await self._has(f"{stem}.{kind}")]
        if not records and any([await self._may_have_entries(f"{stem}.{kind}") for kind in before]):
            raise EmptyDump.instead_of(stem)
        # Nothing can be overwritten. While one kind is replaced, the other one is there: that of the dump before, or
        # the new one. So a kind that was there alone is the last one. If it alone is wanted, the new file of the other
        # kind is stored for a while.
        same_kinds = set(before) == set(kinds)
        stored = [kind for kind in paths if kind in kinds or (same_kinds and paths[kind].exists())]
        for kind in sorted(stored, key=lambda kind: before == [kind]):
            await self._remove(stem, kind)
            await self._store_with_digest(paths[kind], records)
            await self._read_back(paths[kind])
        for kind in KINDS:
            if kind not in kinds:
                await self._remove(stem, kind)

    async def fetch(self, filename: str, target: Path) -> None:
        expected = await self._expected(filename)
        await download(self._storage.stream(self._object(filename)), target, filename, lambda: expected)

    async def fetch_latest(self, kind: Kind, target: Path) -> str:
        found = latest_of(await self.kept())
        if found is None:
            raise ObjectMissing(f"{self._prefix}latest.{kind}")
        filename = filename_of(found.stamp, kind)
        await self.fetch(filename, target)
        return filename

    async def kept(self) -> list[KeptDump]:
        sizes: dict[str, dict[str, int]] = {}
        digests: dict[str, set[str]] = defaultdict(set)
        async for listed in self._storage.list(f"{self._prefix}{STEM}"):
            name = _NAME.fullmatch(listed.key.removeprefix(self._prefix))
            if name is not None:
                of_dump = sizes.setdefault(name[1], {})
                if listed.key.endswith(name[2]):
                    of_dump[name[2]] = listed.size
                else:
                    digests[name[1]].add(name[2])
        return [await self._kept(stamp, sizes[stamp], digests[stamp]) for stamp in sorted(sizes)]

    async def _kept(self, stamp: str, sizes: Mapping[str, int], digests: Collection[str]) -> KeptDump:
        recorded = await self._recorded(filename_of(stamp, "rdb")) if sizes.keys() == {"rdb"} else None
        return KeptDump(stamp, sizes.get("json"), sizes.get("rdb"), recorded, sizes.keys() <= set(digests))

    async def records(self, dump: KeptDump) -> int | None:
        if dump.is_empty or dump.json_size is None:
            return 0 if dump.is_empty else dump.rdb_records
        filename = filename_of(dump.stamp, "json")
        try:
            if (recorded := await self._recorded(filename)) is not None:
                return recorded
            if dump.json_size > _COUNTED_BYTES:
                return None
            listed = await asyncio.to_thread(orjson.loads, await self._storage.read(self._object(filename)))
        except (ObjectMissing, orjson.JSONDecodeError):
            return None
        return len(listed) if isinstance(listed, list) else None

    async def prune(self, keep: int, protected: str) -> list[str]:
        removed = [dump.stamp for dump in surplus(await self.kept(), keep, protected)]
        for stamp in removed:
            for kind in KINDS:  # In this order: if a dump is half removed, its RDB remains.
                await self._remove(STEM + stamp, kind)
        return removed

    async def _remove(self, stem: str, kind: Kind) -> None:
        # One by one and in this order: a file never has the digest of another one.
        await self._storage.delete([self._object(f"{stem}.{kind}")])
        await self._storage.delete([self._object(f"{stem}.{kind}{_DIGEST_SUFFIX}")])

    async def _has(self, filename: str) -> bool:
        try:
            await self._storage.size(self._object(filename))
        except ObjectMissing:
            return False
        return True

    async def _may_have_entries(self, filename: str) -> bool:
        """Say whether a file that is there has entries, as far as it is known."""
        recorded = await self._recorded(filename)
        if recorded is None and parse(filename)[1] == "json":
            return await self._storage.size(self._object(filename)) > EMPTY_BYTES
        return recorded != 0

    async def _store_with_digest(self, path: Path, records: int) -> None:
        digest = await asyncio.to_thread(sha256_of, path)
        beside = path.with_name(path.name + _DIGEST_SUFFIX)
        beside.write_text(beside_text(path.name, digest, records))
        await self._store(beside, media_types.TEXT, sha256_of(beside))
        await self._store(path, MEDIA_TYPES[parse(path.name)[1]], digest)

    async def _read_back(self, path: Path) -> None:
        """Raise DumpDamaged unless a file was stored well: older dumps may be removed because of it."""
        await self.fetch(path.name, path)
        await asyncio.to_thread(path.unlink)

    async def _store(self, source: Path, media_type: str, digest: str) -> None:
        [outcome] = await self._storage.put([NewObject(self._object(source.name, media_type), source, digest)])
        if isinstance(outcome, ObjectExists):
            raise DumpExists(source.name)
        if not isinstance(outcome, Receipt):
            raise outcome

    async def _expected(self, filename: str) -> str | None:
        """Return the SHA-256 of a file, None for a file that was put there without one."""
        return (await self._beside(filename))[:64].lower() or None

    async def _recorded(self, filename: str) -> int | None:
        """Return how many entries a file has, None if it is not recorded."""
        said = _RECORDS.search(await self._beside(filename))
        return int(said[1]) if said else None

    async def _beside(self, filename: str) -> str:
        """Return the text of the file with the SHA-256 of a file, empty if there is no such file."""
        try:
            return (await self._storage.read(self._object(filename + _DIGEST_SUFFIX))).decode("latin-1")
        except ObjectMissing:
            return ""

    def _object(self, filename: str, media_type: str = "") -> StoredObject:
        return StoredObject(f"{self._prefix}{filename}", media_type)


class DistantDumpStore:
    """Dumps at the distant backend, which checks, lists and removes them as it likes."""

    def __init__(self, settings: StorageSettings, storage: Storage) -> None:
        from services.core.dumps.distant import DistantDumps

        self._dumps, self._storage = DistantDumps(settings), storage
        self.backend = settings.backend

    @property
    def spool(self) -> Path:
        return self._storage.spool

    def prepare(self) -> None:
        spool.prepare(self.spool)

    async def open(self) -> None:
        await self._dumps.open()

    async def close(self) -> None:
        await self._dumps.close()

    async def save(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        """Store a dump, but not one without entries if the latest has entries: the backend decides which is the
        latest. It always gets both files."""
        before = catalog.with_name("before.json")
        if not records and await self._may_have_entries(self._dumps.fetch_latest("json", before), before):
            raise EmptyDump.instead_of_latest()
        await self._dumps.save(rdb, catalog)

    async def replace(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        """Store a dump; the backend replaces the one of the same name, or refuses the new one."""
        before = catalog.with_name("before.json")
        if not records and await self._may_have_entries(self._dumps.fetch(catalog.name, before), before):
            raise EmptyDump.instead_of(parse(catalog.name)[0])
        await self.save(rdb, catalog, records, kinds)

    async def _may_have_entries(self, fetching: Awaitable[object], before: Path) -> bool:
        try:
            await fetching
        except ObjectMissing:
            return False
        except DumpDamaged:
            return True
        return (await asyncio.to_thread(before.stat)).st_size > EMPTY_BYTES

    async def fetch(self, filename: str, target: Path) -> None:
        await self._dumps.fetch(filename, target)

    async def fetch_latest(self, kind: Kind, target: Path) -> str | None:
        return await self._dumps.fetch_latest(kind, target)

    async def kept(self) -> list[KeptDump]:
        raise ListingUnsupported

    async def records(self, dump: KeptDump) -> int | None:
        return None

    async def prune(self, keep: int, protected: str) -> list[str]:
        """Remove nothing: the backend decides how many dumps it keeps."""
        return []
