"""Moves of assets, with their bytes: these are copied to a storage key of the new path, as an upload stores them.

The storage keys of a path are those of its asset alone. That is what all who write, delete and look for objects rely
on, so an entry never refers to a key of another path. A failure leaves the asset where it was, and no copy. What a
killed process leaves is settled by the jobs worker.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from services.catalog.uploads.discarding import Discarding
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.assets import entries, moves, names
from services.core.assets.entries import Entry
from services.core.assets.names import AssetName
from services.core.assets.retired import Retired
from services.core.errors import BadRequest, NotFound, SignatureMismatch
from services.core.state import entry_json
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit, Found
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.reaper import Reaper
from services.core.storage import NewObject, ObjectExists, ObjectMissing, Receipt, ReplacesInPlace, Storage
from services.core.storage.verification import stream_verified

Draft = Callable[[str], Entry]
"""Returns the entry that refers to a storage key."""
Write = Callable[[Entry, Claim], Awaitable[Commit | None]]


class Moves:
    """Gives assets other paths, and takes back versions of assets that have been moved since."""

    def __init__(self, process: Process, claims: Claims, reaper: Reaper, entries: Entries, storage: Storage) -> None:
        self._process, self._claims, self._entries, self._storage = process, claims, entries, storage
        self._discarding = Discarding(reaper)

    async def change(self, uuid: str, step: Callable[[Entry], tuple[Entry, AssetName]]) -> tuple[Entry, Commit | None]:
        """Give an asset the fields and the names that `step(entry)` returns; the commit is None if it has them already.

        `step` must be pure: it runs again when another writer was faster. Raises NoEntry, AlreadyExists if the path is
        taken, NotFound, SignatureMismatch, StorageDown and what the step raises.
        """
        while True:
            found = await self._entries.find(uuid)
            wanted, name = step(found.entry)
            if name.unique_name == found.entry.unique_name:
                if wanted == found.entry:
                    return wanted, None
                if commit := await self._entries.write(found, wanted):
                    return wanted, commit
            elif result := await self._moved(found, wanted, name):
                return result

    async def restore(self, key: str, version: Retired, check: Callable[[Entry], None]) -> tuple[Entry, Commit]:
        """Give an entry a copy of the file of an earlier version, whose object has a storage key of another path.

        Raises as `Entries.restore_version`, and NotFound, SignatureMismatch and StorageDown.
        """
        while True:
            found = await self._entries.find(key)
            check(found.entry)

            def draft(storage_key: str, found: Found = found) -> Entry:
                return entries.with_earlier_file(found.entry, replace(version.entry, storage_key=storage_key))

            async def write(entry: Entry, claim: Claim, found: Found = found) -> Commit | None:
                return await self._entries.write(found, entry, claim, restores=True)

            if result := await self._copied(version.entry, draft, write):
                return result

    async def close(self) -> None:
        await self._discarding.close()

    async def _moved(self, found: Found, wanted: Entry, name: AssetName) -> tuple[Entry, Commit] | None:
        """Move an asset; None if another writer was faster."""

        def draft(storage_key: str) -> Entry:
            return moves.moved(wanted, name, storage_key)

        async def write(entry: Entry, claim: Claim) -> Commit | None:
            return await self._entries.move(found, entry, claim)

        await self._need_free(draft(""))
        try:
            async with self._undisturbed(found.entry):
                return await self._copied(found.entry, draft, write)
        except (NotFound, SignatureMismatch):
            if await self._entries.raw(found.entry.key) == found.raw:
                raise
            return None

    @asynccontextmanager
    async def _undisturbed(self, entry: Entry) -> AsyncIterator[None]:
        """Keep others from replacing the bytes of an entry where that is done in place: else they would not be those of
        the entry for a moment."""
        if not isinstance(self._storage, ReplacesInPlace):
            yield
            return
        claim = await self._claims.make_in_place(entry.unique_name)
        try:
            yield
        finally:
            # A move has made it the claim on what is left behind, so this has no effect then.
            await self._claims.release(claim)

    async def _need_free(self, entry: Entry) -> None:
        raw = await self._entries.raw(entry.key)
        if raw is not None:
            raise entries.already_exists(entry_json.read(raw))

    async def _copied(self, source: Entry, draft: Draft, write: Write) -> tuple[Entry, Commit] | None:
        """Store a copy of an entry's file and write the entry that refers to it; None if `write` returns None."""
        async with _spooled(self._storage, source, self._process.name) as file:
            unique_name = draft("").unique_name
            in_place = isinstance(self._storage, ReplacesInPlace)
            claim: Claim | None = await (
                self._claims.make_in_place(unique_name) if in_place else self._claims.make(unique_name)
            )
            commit = None
            try:
                assert claim
                entry = draft(claim.storage_key)
                if in_place:
                    await self._need_free(entry)
                    claim = await self._claims.intend(claim, entry)
                [outcome] = await self._storage.put([_new(entry, file)])
                if isinstance(outcome, ObjectExists) and not in_place:
                    # The object there is not the writer's: from here on, it must not be treated as such.
                    found, claim = claim, None
                    await self._claims.release(found)
                    claim = await self._claims.make_spare(unique_name)
                    entry = draft(claim.storage_key)
                    [outcome] = await self._storage.put([_new(entry, file)])
                if isinstance(outcome, ObjectExists):
                    raise BadRequest(
                        f"The storage has a file at {unique_name} that the catalog does not know.",
                        "Catalogue it with POST /catalog, or choose another name.",
                    )
                if not isinstance(outcome, Receipt):
                    raise outcome
                if outcome.version is not None:
                    entry = replace(entry, version=outcome.version)
                commit = await write(entry, claim)
                return (entry, commit) if commit else None
            finally:
                if claim and commit:
                    self._claims.spent(claim)
                elif claim:
                    await self._discarding.discard([claim])


def is_elsewhere(version: Retired, entry: Entry) -> bool:
    """Say whether the object of an earlier version has a storage key of another path than the entry."""
    return names.unique_name_of(version.entry.storage_key) != entry.unique_name


def _new(entry: Entry, file: SpooledFile) -> NewObject:
    return NewObject(entry.stored, file.path, file.signature)


@asynccontextmanager
async def _spooled(storage: Storage, entry: Entry, owner: str) -> AsyncIterator[SpooledFile]:
    """Copy a stored file to the spool, from where it is removed at the end; raises NotFound and SignatureMismatch."""
    writer = SpoolWriter(storage.spool, owner, entry.original_filename, None, sys.maxsize)
    try:
        try:
            async with aclosing(stream_verified(storage, entry)) as chunks:
                async for chunk in chunks:
                    await writer.write(chunk)
        except ObjectMissing:
            raise NotFound(f"The storage has no file {entry.storage_key}.", "Upload it again.") from None
        yield await writer.finish()
    finally:
        writer.discard()
