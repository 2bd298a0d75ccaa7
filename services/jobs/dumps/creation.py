"""The job *create_dump*: the catalog of one instant as JSON and as RDB, stored side by side."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.core.assets.addresses import Addresses
from services.core.dumps import naming
from services.core.dumps.naming import KINDS, STEM, DumpExists, DumpStore, Kind
from services.core.jobs import safe_points
from services.core.state import commands, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.jobs.dumps import rdb
from services.jobs.work_folder import work_folder

_KEPT_KEYS = (
    *(keys.ENTRIES, keys.UUIDS, keys.ORDER, keys.EXPIRY, keys.SEQUENCE, keys.REVISION),
    *(keys.RETIRED, keys.VERSIONS, keys.TRASH, keys.MOVED, keys.OLD_PATHS),
)
_SCANNED = 1000
_STAMP_SECONDS = 60
"""How long the second in the name of a dump stays reserved: longer than clocks differ."""


@dataclass(frozen=True, slots=True)
class Dump:
    """What was stored. Sizes are in bytes, by the kinds of files. `pruned` are the stamps of deleted dumps."""

    stem: str
    stamp: str
    records: int
    sizes: Mapping[Kind, int]
    pruned: tuple[str, ...]

    def answer(self) -> dict[str, Any]:
        """Return what POST /catalog/create-dump answers."""
        return {
            "message": "Dump files created and uploaded successfully",
            "files": {
                kind: {
                    "filename": f"{self.stem}.{kind}",
                    "size": size,
                    **({"records": self.records} if kind == "json" else {}),
                }
                for kind, size in self.sizes.items()
            },
            "timestamp": self.stamp,
        }


async def create_dump(
    redis_address: str,
    client: Redis,
    process: Process,
    store: DumpStore,
    keep: int,
    addresses: Addresses,
    *,
    stem: str | None = None,
    kinds: Collection[Kind] = KINDS,
) -> Dump:
    """Dump the catalog and delete surplus dumps (see `retention.surplus`).

    Both files are made from one copy, so they show the same instant. A dump of the name `stem` is replaced (see
    `DumpStore.replace`); without a `stem` the second names the dump. Raises EmptyDump, Unavailable, StorageDown and
    RedisError; no incomplete dump is left then.
    """
    async with work_folder(store.spool, process) as folder:
        copy, listed = folder / "copy.rdb", folder / "list.json"
        await rdb.copy(redis_address, copy)
        async with rdb.served(copy) as copied:
            await _keep_catalog(copied, rdb.database_of(redis_address))
            records = await _write_list(Entries(copied), listed, addresses)
            await copied.save()  # Replaces the copy.
        safe_points.check()
        sizes: dict[Kind, int] = {"json": listed.stat().st_size, "rdb": copy.stat().st_size}
        made = _Made(copy, listed, records, kinds)
        if stem is None:
            stamp = await _save_under_its_second(client, store, made)
            stem = f"{STEM}{stamp}"
        else:
            stamp = naming.stamp_of(datetime.now(UTC))
            await _save(store.replace, made, stem)
    pruned = await store.prune(keep, stem.removeprefix(STEM))
    return Dump(stem, stamp, records, {kind: sizes[kind] for kind in KINDS if kind in kinds}, tuple(pruned))


@dataclass(frozen=True, slots=True)
class _Made:
    """Both files of a dump that has no name yet, and which of them are wanted."""

    rdb: Path
    catalog: Path
    records: int
    kinds: Collection[Kind]


async def _keep_catalog(copied: Redis, database: int) -> None:
    """Remove all keys but the catalog, with its versions and its trash.

    The queue, rate limits and keys of other programs do not belong in a dump.
    """
    if database:
        await copied.swapdb(0, database)
    for name in await copied.info("keyspace"):
        if name != "db0":
            async with copied.client() as other:
                await other.select(int(name.removeprefix("db")))
                await other.flushdb()
                await other.select(0)
    kept = {key.encode() for key in _KEPT_KEYS}
    async for key in copied.scan_iter(count=_SCANNED):
        if key not in kept:
            await copied.unlink(key)
    await commands.function_flush(copied)
    # A catalog without any change has no revision yet.
    await copied.set(keys.REVISION, "0", nx=True)


async def _write_list(entries: Entries, target: Path, addresses: Addresses) -> int:
    """Write the list as GET /catalog answers it; return how many entries it has."""
    records = 0
    with target.open("wb") as file:
        file.write(b"[")
        async for raws in entries.scan():
            safe_points.check()
            file.write((b"," if records else b"") + entry_json.list_of(raws, addresses))
            records += len(raws)
        file.write(b"]")
    return records


async def _save_under_its_second(client: Redis, store: DumpStore, made: _Made) -> str:
    """Store a dump under the name of this second, or of the next one that is free; return it."""
    while True:
        now = time.time()
        stamp = naming.stamp_of(datetime.fromtimestamp(now, UTC))
        if await client.set(keys.dump(stamp), b"1", nx=True, ex=_STAMP_SECONDS):
            try:
                await _save(store.save, made, f"{STEM}{stamp}")
            except DumpExists:
                pass
            else:
                return stamp
        await asyncio.sleep(1 - now % 1)


async def _save(save: Callable[[Path, Path, int, Collection[Kind]], Awaitable[None]], made: _Made, stem: str) -> None:
    """Store a dump under a name by a verb of the store; raises DumpExists."""
    copy, listed = made.rdb.with_name(f"{stem}.rdb"), made.catalog.with_name(f"{stem}.json")
    made.rdb.rename(copy)
    made.catalog.rename(listed)
    try:
        await save(copy, listed, made.records, made.kinds)
    except DumpExists:
        copy.rename(made.rdb)
        listed.rename(made.catalog)
        raise
