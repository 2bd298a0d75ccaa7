"""Carries out plans: the bytes reach the storage first, then the catalog.

A failure leaves neither bytes nor an entry. What a killed process leaves is settled by the jobs worker.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from services.catalog.uploads.conflicts import NewAsset, OnConflict
from services.catalog.uploads.discarding import Discarding
from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.free_names import FreeNames
from services.catalog.uploads.spool import measured_again
from services.catalog.uploads.stripping import strip_file
from services.catalog.uploads.writing import Writing, Written
from services.core.assets import entries, names
from services.core.assets.quotas import Quota
from services.core.errors import BadRequest, NoEntry, TadaError
from services.core.state.claims import Claims
from services.core.state.entries import Entries
from services.core.state.reaper import Reaper
from services.core.state.usage import Room
from services.core.storage import NewObject, ObjectExists, Outcome, Receipt, ReplacesInPlace, Storage, StoredObject


class Writer:
    """Writes files and entries, one or several at a time; each succeeds or fails by itself."""

    def __init__(
        self,
        claims: Claims,
        reaper: Reaper,
        entries: Entries,
        storage: Storage,
        drawable: Drawable,
        room: Room,
        *,
        strip: bool,
    ) -> None:
        """`strip` says whether metadata is removed from files."""
        self._claims, self._entries, self._storage = claims, entries, storage
        # Asked once: Python compares all methods for it, and every upload needs it several times.
        self._in_place = storage if isinstance(storage, ReplacesInPlace) else None
        self._drawable, self._room, self._strip_metadata = drawable, room, strip
        self._discarding, self._free_names = Discarding(reaper), FreeNames(entries)

    async def close(self) -> None:
        """End what is still being discarded. The jobs worker finds the claims of what is left, and goes on."""
        await self._discarding.close()

    async def write(self, plans: Sequence[Writing | TadaError]) -> list[Written | TadaError]:
        """Carry out plans; return the result of each, in order. A failed plan leaves nothing."""
        writings = [plan for plan in plans if isinstance(plan, Writing)]
        # All files before the first claim: others wait for a claim, and looking at a file takes seconds.
        for writing in writings:
            writing.outcome = await caught(self._prepare(writing))
        try:
            # All requests use the same order, so two requests never wait for each other's claims.
            for writing in sorted(_unsettled(writings), key=lambda one: one.unique_name):
                writing.outcome = await caught(self._claim(writing))
            await self._store(_unsettled(writings))
            for writing in _unsettled(writings):
                writing.outcome = await caught(self._commit(writing))
        finally:
            await self._discard_failed(writings)
        outcomes = iter(writings)
        return [plan if isinstance(plan, TadaError) else _outcome(next(outcomes)) for plan in plans]

    async def _prepare(self, writing: Writing) -> Written | None:
        """Check the file, and make it what the storage gets. Return the result if nothing has to be stored."""
        await self._drawable.check(writing.file)
        file, media_type = writing.file, writing.media_type
        if self._strip_metadata and await asyncio.to_thread(strip_file, file.path, media_type, ended=file.ended):
            writing.file = await asyncio.to_thread(measured_again, writing.file)
        if writing.new and writing.new.on_conflict is OnConflict.SKIP:
            current = await self._entries.of_path(writing.unique_name)
            if current and writing.new.is_same(current, writing.file.signature):
                return current, None
            if current:
                raise entries.already_exists(current)
        if writing.new and not writing.is_taken:
            await self._room.check(writing.namespace, Quota(writing.file.size, 1))
        return None

    async def _claim(self, writing: Writing) -> Written | None:
        """Claim the storage key of the file. Return the result if nothing has to be stored after all."""
        if writing.new and writing.new.on_conflict is OnConflict.RENAME:
            await self._claim_free_name(writing, writing.new)
        elif self._in_place:
            writing.claim = await self._claims.make_in_place(writing.unique_name)
        else:
            writing.claim = await self._claims.make(writing.unique_name)
        if not self._in_place:
            return None
        current = await self._entries.of_path(writing.unique_name)
        intended = writing.entry(current)
        if intended == current:
            return intended, None
        grows = intended.size - (current.size if current else 0)
        await self._room.check(writing.namespace, Quota(grows, int(current is None)))
        writing.is_taken, writing.intended = current is not None, intended
        assert writing.claim
        # From here on, the reaper may complete what this process does not.
        await writing.before_write(writing.will_be)
        writing.claim = await self._claims.intend(writing.claim, intended)
        return None

    async def _claim_free_name(self, writing: Writing, new: NewAsset) -> None:
        """Claim the plain key of a free name, and give the asset this name.

        Nobody else gets a name while its plain key is claimed, if all rename. So all of them succeed. The plain key may
        be that of a retired object. Then the name is reserved by another claim, and the file gets the spare key.
        """
        passed: set[str] = set()
        while True:
            plain = names.plain_storage_key(new.unique_name)
            if self._in_place:
                writing.claim = await self._claims.make_on_unused(plain)
            else:
                writing.claim = await self._claims.make(new.unique_name)
            if writing.claim:
                if writing.claim.storage_key != plain and (await self._entries.are_retired([plain]))[0]:
                    writing.reserved = await self._claims.make_on_unused(names.name_key(new.unique_name))
                is_reserved = writing.reserved is not None or writing.claim.storage_key == plain
                if is_reserved and await self._entries.of_path(new.unique_name) is None:
                    writing.new, writing.unique_name, writing.draft = new, new.unique_name, new.draft
                    return
                unused, writing.claim = writing.claim, None
                await self._claims.release(unused)
                await self._free_name(writing)
            passed.add(new.unique_name)
            new = await self._free_names.first(new, passed)

    async def _store(self, writings: list[Writing]) -> None:
        """Store the files. If the storage has an unknown object under a key, it stays, and another key is used."""
        taken = []
        for writing, outcome in await self._receipts(writings):
            if isinstance(outcome, ObjectExists) and not self._in_place:
                assert writing.claim
                # The object there is not the writer's: from here on, it must not be treated as such.
                found, writing.claim = writing.claim, None
                await self._claims.release(found)
                writing.claim = await self._claims.make_spare(writing.unique_name)
                taken.append(writing)
            else:
                _note(writing, outcome)
        for writing, outcome in await self._receipts(taken):
            _note(writing, outcome)

    async def _receipts(self, writings: Sequence[Writing]) -> list[tuple[Writing, Outcome]]:
        # For a backend that replaces in place, a new file and a replacement are different requests.
        added = [writing for writing in writings if not writing.is_taken]
        replaced = [writing for writing in writings if writing.is_taken]
        outcomes = [*await self._put(added), *await self._put(replaced)]
        return list(zip([*added, *replaced], outcomes, strict=True))

    async def _put(self, writings: Sequence[Writing]) -> list[Outcome]:
        """Store files; all or none of them are over an object."""
        if not writings:
            return []
        new = [NewObject(self._object(writing), writing.file.path, writing.file.signature) for writing in writings]
        try:
            if writings[0].is_taken and self._in_place:
                return await self._in_place.replace(new)
            return await self._storage.put(new)
        except TadaError as error:
            return [error] * len(new)

    def _object(self, writing: Writing) -> StoredObject:
        assert writing.claim
        if writing.intended:
            return writing.intended.stored
        return StoredObject(writing.claim.storage_key, writing.media_type)

    async def _commit(self, writing: Writing) -> Written:
        """Make the entry refer to the stored bytes."""
        if not self._in_place:
            await writing.before_write(writing.will_be)
        if writing.new:
            return await self._entries.put(writing.entry_key, writing.entry, writing.claim, is_there=writing.is_taken)
        try:
            entry, commit = await self._entries.change(writing.entry_key, writing.entry, writing.claim)
        except NoEntry:
            writing.entry(None)  # Raises the same, by the uuid that the client named.
            raise
        assert commit is not None  # A new version is never the object that was there.
        return entry, commit

    async def _discard_failed(self, writings: Sequence[Writing]) -> None:
        for one in writings:
            if one.claim and one.is_committed:
                self._claims.spent(one.claim)
        failed = [one.claim for one in writings if one.claim and not one.is_committed]
        for one in writings:
            await self._free_name(one)
        await self._discarding.discard(failed)

    async def _free_name(self, writing: Writing) -> None:
        if writing.reserved:
            reserved, writing.reserved = writing.reserved, None
            await self._claims.release(reserved)


Result = TypeVar("Result")


async def caught(step: Awaitable[Result]) -> Result | TadaError:
    """Return what a step returns, or the error that it raises."""
    try:
        return await step
    except TadaError as error:
        return error


def _unsettled(writings: Iterable[Writing]) -> list[Writing]:
    """Return those that have no outcome yet: nothing has failed."""
    return [writing for writing in writings if writing.outcome is None]


def _note(writing: Writing, outcome: Outcome) -> None:
    if isinstance(outcome, Receipt):
        writing.receipt = outcome
    elif isinstance(outcome, ObjectExists):
        writing.outcome = BadRequest(
            f"The storage has a file at {writing.unique_name} that the catalog does not know.",
            "Catalogue it with POST /catalog, or choose another name.",
        )
    else:
        writing.outcome = outcome


def _outcome(writing: Writing) -> Written | TadaError:
    assert writing.outcome is not None
    return writing.outcome
