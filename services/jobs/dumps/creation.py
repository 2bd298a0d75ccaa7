"""The job *create_dump*: the catalog of one instant as JSON and as RDB, stored side by side."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.core.dumps import naming
from services.core.dumps.naming import DumpExists, DumpStore
from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.jobs.dumps import rdb
from services.jobs.dumps.work_folder import work_folder

_KEPT_KEYS = (keys.ENTRIES, keys.ORDER, keys.EXPIRY, keys.SEQUENCE, keys.REVISION)
_SCANNED = 1000
_STAMP_SECONDS = 60
"""How long the second in the name of a dump stays reserved: longer than clocks differ."""


@dataclass(frozen=True, slots=True)
class Dump:
    """What was stored. Sizes are in bytes. `pruned` are the stamps of the dumps that were deleted."""

    stamp: str
    records: int
    json_size: int
    rdb_size: int
    pruned: tuple[str, ...]

    def answer(self) -> dict[str, Any]:
        """Return what POST /catalog/create-dump answers."""
        return {
            "message": "Dump files created and uploaded successfully",
            "files": {
                "json": {
                    "filename": naming.filename_of(self.stamp, "json"),
                    "size": self.json_size,
                    "records": self.records,
                },
                "rdb": {"filename": naming.filename_of(self.stamp, "rdb"), "size": self.rdb_size},
            },
            "timestamp": self.stamp,
        }


async def create_dump(redis_address: str, client: Redis, process: Process, store: DumpStore, keep: int) -> Dump:
    """Dump the catalog and delete surplus dumps (see `retention.surplus`).

    Both files are made from one copy, so they show the same instant. Raises EmptyDump, Unavailable,
    StorageDown and RedisError; no incomplete dump is left then.
    """
    async with work_folder(store.spool, process) as folder:
        copy, listed = folder / "copy.rdb", folder / "list.json"
        await rdb.copy(redis_address, copy)
        async with rdb.served(copy) as copied:
            await _keep_catalog(copied, rdb.database_of(redis_address))
            records = await _write_list(Entries(copied), listed)
            await copied.save()  # Replaces the copy.
        json_size, rdb_size = listed.stat().st_size, copy.stat().st_size
        stamp = await _save(client, store, copy, listed, records)
    return Dump(stamp, records, json_size, rdb_size, tuple(await store.prune(keep, stamp)))


async def _keep_catalog(copied: Redis, database: int) -> None:
    """Remove all keys but the catalog: the queue, rate limits and keys of other programs do not belong in a dump."""
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


async def _write_list(entries: Entries, target: Path) -> int:
    """Write the list as GET /catalog answers it; return how many entries it has."""
    records = 0
    with target.open("wb") as file:
        file.write(b"[")
        async for raws in entries.scan():
            file.write((b"," if records else b"") + b",".join(raws))
            records += len(raws)
        file.write(b"]")
    return records


async def _save(client: Redis, store: DumpStore, copy: Path, listed: Path, records: int) -> str:
    """Store both files under the name of this second, or of the next one that is free; return it."""
    while True:
        now = time.time()
        stamp = naming.stamp_of(datetime.fromtimestamp(now, UTC))
        if await client.set(keys.dump(stamp), b"1", nx=True, ex=_STAMP_SECONDS):
            named = [copy.with_name(naming.filename_of(stamp, kind)) for kind in ("rdb", "json")]
            for path, name in zip((copy, listed), named, strict=True):
                path.rename(name)
            try:
                await store.save(named[0], named[1], records)
            except DumpExists:
                for path, name in zip((copy, listed), named, strict=True):
                    name.rename(path)
            else:
                return stamp
        await asyncio.sleep(1 - now % 1)
