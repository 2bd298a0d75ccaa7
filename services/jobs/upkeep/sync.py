"""The job *sync*: removes entries whose files are definitely not in the storage.

There are three safeguards. A missing file is looked up by name before its entry is removed. Nothing is removed before
everything has been checked, so a storage that fails in between does no harm. If so many files are missing that a
setting is probably wrong, the run stops.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from services.core.assets import identity, names
from services.core.assets.entries import Entry
from services.core.assets.parts import PREFIX as PARTS
from services.core.assets.reductions import PREFIX as REDUCTIONS
from services.core.dumps.stores import PREFIX as DUMPS
from services.core.errors import NotFound, StorageDown
from services.core.jobs import run_progress, safe_points
from services.core.state import entry_json
from services.core.state.claims import Claims
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.storage import ListingUnsupported, ObjectMissing, Storage, StoredObject

_BATCH = 500
_AT_ONCE = 16
"""Files that are looked up at the same time."""
NAMED_MAX = 1000
"""Entries and files that a result names at most; it counts all of them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An entry without its file."""

    uuid: str
    unique_name: str
    reason: str


@dataclass(slots=True)
class Sync:
    """The result of a run. `listed` and `unknown` are None for a storage that cannot list its files.

    `late_count` are the files of failed uploads that the storage finished after they were cleaned up.
    """

    dry_run: bool
    checked: int = 0
    listed: int | None = None
    missing: list[Missing] = field(default_factory=list)
    missing_count: int = 0
    removed_count: int = 0
    unknown: list[str] | None = None
    unknown_count: int | None = None
    late_count: int = 0
    stopped: str | None = None

    def answer(self) -> dict[str, Any]:
        return asdict(self)


class _Changed(Exception):
    """The entry has changed since its file was looked up."""


async def sync(
    entries: Entries, claims: Claims, doubts: Doubts, storage: Storage, *, dry_run: bool, max_percent: float
) -> Sync:
    """Remove the entries whose files are missing, unless they are more than `max_percent` of all.

    Raises StorageDown and RedisError; no entry has been removed wrongly then. A run that is cancelled before everything
    has been checked removes nothing.
    """
    found = Sync(dry_run)
    if not dry_run:
        found.late_count = await _remove_late(claims, doubts, storage)
    try:
        present = await _listed(entries, claims, storage, found)
    except ListingUnsupported:
        present, found.listed, found.unknown, found.unknown_count = set(), None, None, None
    if safe_points.reached():
        return found
    count = await entries.count()
    if found.listed == 0 and count:
        found.stopped = _stopped("The storage has no file at all")
        return found
    allowed = count * max_percent / 100
    lost: list[Entry] = []
    async for raws in entries.scan():
        batch = [entry_json.read(raw) for raw in raws]
        found.checked += len(batch)
        await run_progress.note(found.checked, count)
        if safe_points.reached():
            return found
        lost += await _lost(storage, [entry for entry in batch if UUID(entry.key).bytes not in present])
        if len(lost) > allowed:
            found.stopped = _stopped(
                f"More than {max_percent:g} % of the {count} entries have no file in the storage",
                "If the storage is right, run sync with a higher max_percent.",
            )
            break
    if lost and len(lost) == found.checked and found.stopped is None:
        found.stopped = _stopped("Not one entry has its file in the storage")
    found.missing_count = len(lost)
    found.missing = [
        Missing(entry.uuid, entry.unique_name, f"no file {entry.storage_key}") for entry in lost[:NAMED_MAX]
    ]
    if not dry_run and found.stopped is None:
        found.removed_count = await _remove(entries, lost)
    return found


async def _remove_late(claims: Claims, doubts: Doubts, storage: Storage) -> int:
    """Remove files that a storage has stored although their upload had failed; return how many there were."""
    removed = 0
    for storage_key in await doubts.settled_writes():
        claim = await claims.make_on_unused(storage_key)
        if claim is not None:
            try:
                stored = StoredObject(storage_key)
                with suppress(ObjectMissing):
                    await storage.size(stored)
                    await storage.delete([stored])
                    removed += 1
            except StorageDown:
                await doubts.note_deletes([storage_key])
                raise
            finally:
                await claims.release(claim)
        await doubts.forget_write(storage_key)
    return removed


def _stopped(why: str, hint: str = "") -> str:
    return f"{why}: nothing was removed. Check the storage's settings (folder, bucket, address). {hint}".strip()


async def _listed(entries: Entries, claims: Claims, storage: Storage, found: Sync) -> set[bytes]:
    """Return the keys of entries whose files are listed, about 100 bytes each; note files without an entry."""
    present: set[bytes] = set()
    found.listed, found.unknown, found.unknown_count = 0, [], 0
    async for keys in _batches(storage):
        if safe_points.reached():
            return present
        found.listed += len(keys)
        owners = [identity.entry_key(names.unique_name_of(key)) for key in keys]
        raws = await entries.raws(owners)
        claimed, retired = await claims.are_made(keys), await entries.are_retired(keys)
        for key, owner, raw, *known in zip(keys, owners, raws, claimed, retired, strict=True):
            if raw is not None and entry_json.read(raw).storage_key == key:
                present.add(UUID(owner).bytes)
            elif not any(known):
                found.unknown_count += 1
                found.unknown += [key] if len(found.unknown) < NAMED_MAX else []
    return present


async def _batches(storage: Storage) -> AsyncIterator[list[str]]:
    """Yield the keys of all files but dumps, reductions, and parts of uploads."""
    batch: list[str] = []
    async for listed in storage.list():
        if not listed.key.startswith((DUMPS, REDUCTIONS, PARTS)):
            batch.append(listed.key)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _lost(storage: Storage, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries whose files the storage does not have."""
    lost: list[Entry] = []
    left = iter(entries)
    while batch := list(islice(left, _AT_ONCE)):
        there = await asyncio.gather(*(_is_there(storage, entry) for entry in batch))
        lost += [entry for entry, is_there in zip(batch, there, strict=True) if not is_there]
    return lost


async def _is_there(storage: Storage, entry: Entry) -> bool:
    try:
        await storage.size(entry.stored)
    except ObjectMissing:
        return False
    return True


async def _remove(entries: Entries, lost: Sequence[Entry]) -> int:
    removed = 0
    for entry in lost:
        if safe_points.reached():
            break

        def check(current: Entry, seen: Entry = entry) -> None:
            # It was replaced meanwhile: the checked file is not its file any more.
            if (current.storage_key, current.version) != (seen.storage_key, seen.version):
                raise _Changed

        try:
            await entries.delete(entry.key, check, keep_bytes=True)
        except (NotFound, _Changed):
            continue
        removed += 1
    return removed
