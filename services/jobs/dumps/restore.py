"""The job *restore_dump*: the whole catalog from a dump, or nothing.

The catalog changes only after the whole dump has been read and every entry has been checked. Stored objects stay as
they are: a dump holds the catalog, not the bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from services.core.dumps import naming
from services.core.dumps.naming import LATEST, DumpStore, Kind
from services.core.errors import BadDump, DumpDamaged, DumpMissing
from services.core.state import keys
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.storage import ObjectMissing
from services.jobs.dumps import rdb
from services.jobs.dumps.json_array import NotAnArray, read_array
from services.jobs.dumps.staging import Staging
from services.jobs.dumps.validation import Tally
from services.jobs.dumps.work_folder import work_folder

_BATCH = 500
_SUGGESTION = "Nothing was changed. Restore another dump by its filename, or create a new one"

Values = AsyncIterator[list[object]]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done. `fallback` says why the RDB was used although the JSON was asked for."""

    filename: str
    kind: Kind
    source: str
    entries: int
    completed: int
    renamed: int
    commit: Commit
    fallback: str | None = None

    def answer(self) -> dict[str, Any]:
        """Return what POST /catalog/restore-dump answers."""
        return {
            "message": f"Successfully restored catalog from {self.kind.upper()} dump",
            "details": {
                "filename": self.filename,
                "itemsRestored": self.entries,
                "format": self.kind.upper(),
                "source": self.source,
            },
        }


async def restore_dump(
    client: Redis, process: Process, store: DumpStore, filename: str = LATEST, *, only_untouched: bool = False
) -> Restored:
    """Replace the catalog by that of a dump, at one instant. If the JSON is missing or bad, its RDB is used.

    Raises NoDumpName, DumpMissing and BadDump, Taken (see Staging.switch), StorageDown, Unavailable and RedisError.
    After any of them the catalog is as it was.
    """
    restore = _Restore(client, store, only_untouched)
    kind = "json" if filename == LATEST else naming.parse(filename)[1]
    async with work_folder(store.spool, process) as folder:
        if kind == "rdb":
            return await restore.of_kind("rdb", filename, folder)
        try:
            return await restore.of_kind("json", filename, folder)
        except (DumpMissing, BadDump) as problem:
            twin = restore.named or filename
            if twin != LATEST:
                twin = f"{naming.parse(twin)[0]}.rdb"
            try:
                found = await restore.of_kind("rdb", twin, folder)
            except DumpMissing:
                raise problem from None
            except BadDump as second:
                raise _bad(f"{problem.details}; {second.details}") from None
            return replace(found, fallback=problem.details)


class _Restore:
    def __init__(self, client: Redis, store: DumpStore, only_untouched: bool) -> None:
        self._redis, self._store, self._only_untouched = client, store, only_untouched
        self.named: str | None = None
        """The name of the latest dump, when the store has said it."""

    async def of_kind(self, kind: Kind, filename: str, folder: Path) -> Restored:
        path = folder / f"dump.{kind}"
        name = await self._fetch(kind, filename, path)
        reading = _entries_of_json if kind == "json" else _entries_of_rdb
        staging, tally = Staging(self._redis), Tally()
        try:
            await _load(reading, path, staging, tally)
            if tally.problem_count:
                raise _bad(f"{name}: {tally.summary()}")
            commit = await staging.switch(only_untouched=self._only_untouched)
        finally:
            await staging.drop()
        return Restored(name, kind, self._store.backend.source, tally.entries, tally.completed, tally.renamed, commit)

    async def _fetch(self, kind: Kind, filename: str, path: Path) -> str:
        try:
            if filename != LATEST:
                await self._store.fetch(filename, path)
                return filename
            self.named = await self._store.fetch_latest(kind, path)
        except ObjectMissing:
            raise naming.missing(kind, filename, self._store.backend) from None
        except DumpDamaged as damage:
            raise _bad(damage.details) from None
        return self.named or f"{LATEST}.{kind}"


async def _load(reading: Callable[[Path], Values], path: Path, staging: Staging, tally: Tally) -> None:
    """Check all entries, and stage them as long as there is no problem."""
    try:
        async with aclosing(reading(path)) as pages:  # type: ignore[type-var]
            async for values in pages:
                await staging.add(await asyncio.to_thread(tally.take, values))
    except (NotAnArray, rdb.NotAnRdb) as problem:
        tally.complain(str(problem))


async def _entries_of_json(path: Path) -> Values:
    values = read_array(path)
    while batch := await asyncio.to_thread(lambda: list(islice(values, _BATCH))):
        yield batch


async def _entries_of_rdb(path: Path) -> Values:
    async with rdb.served(path) as copied:
        await _choose_database(copied)
        entries = Entries(copied)
        listed = 0
        async for raws in entries.scan():
            listed += len(raws)
            yield [_parsed(raw) for raw in raws]
        if listed != await entries.count():
            raise rdb.NotAnRdb("its list of entries is incomplete")


async def _choose_database(copied: Redis) -> None:
    """Make the database that has the catalog the one that is read; raises NotAnRdb if none has it."""
    for name in await copied.info("keyspace"):
        number = int(name.removeprefix("db"))
        if number:
            await copied.swapdb(0, number)
        if await copied.exists(keys.ENTRIES, keys.REVISION):
            return
        if number:
            await copied.swapdb(0, number)
    raise rdb.NotAnRdb("it holds no catalog of this service")


def _parsed(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw  # It is not an object: the check says so.


def _bad(details: str) -> BadDump:
    return BadDump("Dump cannot be restored", details, _SUGGESTION)
