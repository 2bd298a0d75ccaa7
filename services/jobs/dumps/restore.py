"""The job *restore_dump*: the whole catalog from a dump, or nothing.

The catalog changes only after the whole dump has been read and every entry has been checked. Stored objects stay as
they are: a dump holds the catalog, not the bytes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from services.core.dumps import naming
from services.core.dumps.naming import LATEST, DumpStore, Kind
from services.core.errors import BadDump, BadEntries, DumpDamaged, DumpError, DumpMissing
from services.core.jobs import run_progress, safe_points
from services.core.observing import logs
from services.core.state import keys
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.retired import RetiredObjects
from services.core.storage import ObjectMissing, Storage
from services.jobs.dumps import rdb
from services.jobs.dumps.difference import Comparison, Difference
from services.jobs.dumps.json_array import NotAnArray, read_array
from services.jobs.dumps.staging import Staging
from services.jobs.dumps.trash import Trash
from services.jobs.dumps.validation import LeftOut, Tally
from services.jobs.work_folder import work_folder

log = logging.getLogger(__name__)

_BATCH = 500
_SUGGESTION = "Nothing was changed. Restore another dump by its filename, or create a new one"

Values = AsyncIterator[list[object]]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a dump is restored: whether nothing is changed, and whether entries that are not understood are left out."""

    dry_run: bool = False
    skip_invalid: bool = False


WHOLE = Choice()


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done, or would do. `fallback` says why the RDB was used although the JSON was asked for.

    `commit` is None if nothing was to be changed.
    """

    filename: str
    kind: Kind
    source: str
    entries: int
    completed: int
    renamed: int
    left_out_count: int
    left_out: Sequence[LeftOut]
    commit: Commit | None
    difference: Difference | None = None
    """What would change; None if it has been changed."""
    retired: int | None = None
    """Retired objects of the dump that are retired again; None if none were looked for, or there is no RDB."""
    fallback: str | None = None

    def answer(self, choice: Choice = WHOLE) -> dict[str, Any]:
        """Return what POST /catalog/restore-dump answers."""
        kind = self.kind.upper()
        message = f"Successfully restored catalog from {kind} dump"
        if choice.dry_run:
            message = f"The catalog can be restored from the {kind} dump. Nothing was changed"
        details = {
            "filename": self.filename,
            "itemsRestored": self.entries,
            "format": kind,
            "source": self.source,
        }
        if choice == WHOLE:
            return {"message": message, "details": details}
        details |= {"itemsSkipped": self.left_out_count, "dryRun": choice.dry_run}
        said = {"message": message, "details": details, "skipped": [asdict(one) for one in self.left_out]}
        return said | ({"difference": self.difference.answer()} if self.difference else {})


async def restore_dump(
    client: Redis,
    process: Process,
    store: DumpStore,
    filename: str = LATEST,
    choice: Choice = WHOLE,
    *,
    only_untouched: bool = False,
    retired_in: Storage | None = None,
) -> Restored:
    """Replace the catalog by that of a dump, at one instant. If the JSON is missing or bad, its RDB is used.

    `retired_in` is the storage of the retired objects. Those of the dump that it still has are retired again; without
    it, none are.

    Entries are left out, if that is the choice, when neither of the two can be restored whole. Raises NoDumpName,
    DumpMissing and BadDump, Taken (see Staging.switch), StorageDown, Unavailable and RedisError. After any of them the
    catalog is as it was.
    """
    kind = "json" if filename == LATEST else naming.parse(filename)[1]
    async with work_folder(store.spool, process) as folder:
        restore = _Restore(client, store, folder, retired_in, only_untouched=only_untouched, dry_run=choice.dry_run)
        if kind == "rdb":
            return await restore.of_kind("rdb", filename, skip_invalid=choice.skip_invalid)
        try:
            return await restore.of_kind("json", filename)
        except (DumpMissing, BadDump) as first:
            twin = restore.twin_of(filename)
            try:
                return replace(await restore.of_kind("rdb", twin), fallback=_why(first))
            except (DumpMissing, BadDump) as second:
                if choice.skip_invalid and isinstance(first, BadEntries):
                    return await restore.of_kind("json", filename, skip_invalid=True)
                if choice.skip_invalid and isinstance(second, BadEntries):
                    found = await restore.of_kind("rdb", twin, skip_invalid=True)
                    return replace(found, fallback=_why(first))
                readable = isinstance(first, BadEntries) and not isinstance(second, BadEntries)
                if readable or isinstance(second, DumpMissing):
                    raise first from None
                raise _of_both(first, second) from None


def _of_both(first: DumpError, second: DumpError) -> BadDump:
    """Return the error of a dump whose files both cannot be restored. If one can be in part, it says so."""
    details = f"{first.details}; {second.details}"
    for one in (first, second):
        if isinstance(one, BadEntries):
            return BadEntries(one.filename, one.entries, details)
    return BadDump(second.message, details, second.suggestion)


def _why(problem: DumpError) -> str:
    return problem.details


class _Restore:
    def __init__(
        self,
        client: Redis,
        store: DumpStore,
        folder: Path,
        retired_in: Storage | None,
        *,
        only_untouched: bool,
        dry_run: bool,
    ) -> None:
        self._redis, self._store, self._folder, self._retired_in = client, store, folder, retired_in
        self._only_untouched, self._dry_run = only_untouched, dry_run
        self._fetched: dict[Kind, str] = {}
        """The names of the files that are here."""

    def twin_of(self, filename: str) -> str:
        """Return the name of the RDB of the JSON that was asked for."""
        named = self._fetched.get("json", filename)
        return named if named == LATEST else f"{naming.parse(named)[0]}.rdb"

    async def of_kind(self, kind: Kind, filename: str, *, skip_invalid: bool = False) -> Restored:
        path = self._folder / f"dump.{kind}"
        name = self._fetched.get(kind) or await self._fetch(kind, filename, path)
        reading = _entries_of_json if kind == "json" else _entries_of_rdb
        staging, tally = Staging(self._redis), Tally()
        comparison = Comparison(Entries(self._redis)) if self._dry_run else None
        try:
            await self._load(reading(path), staging, tally, name, comparison, skip_invalid=skip_invalid)
            if tally.left_out and not (skip_invalid and tally.restorable):
                raise BadEntries(name, [str(one) for one in tally.left_out], f"{name}: {tally.summary()}")
            safe_points.check()  # The last one: from here on, what is in Redis changes.
            trash = await self._beside_entries(filename, staging)
            commit = None if self._dry_run else await staging.switch(only_untouched=self._only_untouched)
        finally:
            await staging.drop()
        return Restored(
            filename=name,
            kind=kind,
            source=self._store.backend.source,
            entries=tally.restorable,
            completed=tally.completed,
            renamed=tally.renamed,
            left_out_count=tally.left_out_count,
            left_out=tally.left_out,
            commit=commit,
            difference=await comparison.end() if comparison else None,
            retired=await trash.after_switch() if trash else None,
        )

    async def _load(
        self,
        pages: Values,
        staging: Staging,
        tally: Tally,
        name: str,
        comparison: Comparison | None,
        *,
        skip_invalid: bool,
    ) -> None:
        """Read all entries. Compare those that can be restored, or stage them as long as the dump may be restored."""
        try:
            async with aclosing(pages):  # type: ignore[type-var]
                async for values in pages:
                    entries = await asyncio.to_thread(tally.take, values)
                    await run_progress.note(tally.entries)
                    safe_points.check()
                    if comparison:
                        await comparison.take(entries)
                    if self._is_staged(tally, skip_invalid=skip_invalid):
                        await staging.add(entries)
            if self._is_staged(tally, skip_invalid=skip_invalid):
                await staging.rename(tally.outdone())
        except (NotAnArray, rdb.NotAnRdb) as problem:
            raise _bad("; ".join(part for part in (f"{name}: {problem}", tally.summary()) if part)) from None

    async def _beside_entries(self, filename: str, staging: Staging) -> Trash | None:
        """Load the old paths that the RDB of the dump knows of, and retire again what it knows of, as far as that can
        be done before the switch. Without an RDB, the entries alone are restored."""
        if self._dry_run:
            return None
        path = self._folder / "dump.rdb"
        trash = Trash(RetiredObjects(self._redis), self._retired_in) if self._retired_in else None
        try:
            if "rdb" not in self._fetched:
                await self._fetch("rdb", self.twin_of(filename), path)
            async with rdb.served(path) as copied:
                await _choose_database(copied)
                await staging.add_old_paths(copied)
                if trash:
                    await trash.before_switch(copied)
        except (DumpMissing, BadDump, rdb.NotAnRdb) as problem:
            logs.event(log, logging.WARNING, "restore_without_rdb", error=str(problem))
        return trash

    def _is_staged(self, tally: Tally, *, skip_invalid: bool) -> bool:
        """Say whether what has been read may become the catalog."""
        return not self._dry_run and (skip_invalid or not tally.left_out)

    async def _fetch(self, kind: Kind, filename: str, path: Path) -> str:
        named: str | None = filename
        try:
            if filename == LATEST:
                named = await self._store.fetch_latest(kind, path)
            else:
                await self._store.fetch(filename, path)
        except ObjectMissing:
            raise naming.missing(kind, filename, self._store.backend) from None
        except DumpDamaged as damage:
            raise _bad(damage.details) from None
        if named:
            self._fetched[kind] = named
        return named or f"{LATEST}.{kind}"


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
