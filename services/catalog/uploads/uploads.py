"""From spooled files to entries: the bytes reach the storage first, then the catalog, then the client is told.

A failure leaves neither bytes nor an entry. What a killed process leaves is settled by the jobs worker.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.catalog.uploads import adoption, conflicts
from services.catalog.uploads.conflicts import NewAsset, OnConflict
from services.catalog.uploads.discarding import Discarding
from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.spool import RefusedFile, SpooledFile, measured_again
from services.catalog.uploads.stripping import strip_file
from services.core.assets import entries, identity, media_types, names
from services.core.assets.entries import Entry, StoredFile
from services.core.errors import (
    AlreadyExists,
    BadRequest,
    NamespaceForbidden,
    NoEntry,
    TadaError,
    TypeUnauthorized,
    Unavailable,
)
from services.core.state import entry_json
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit
from services.core.state.entries import Entries
from services.core.state.reaper import Reaper
from services.core.storage import NewObject, ObjectExists, Outcome, Receipt, ReplacesInPlace, Storage, StoredObject

log = logging.getLogger(__name__)

Written = tuple[Entry, Commit | None]
"""The entry, and the commit: None if the entry stays as it is, which only `OnConflict.SKIP` asks for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be uploaded, whether its metadata is removed, and whether pictures are delivered as WebP by default."""

    namespaces: tuple[str, ...]
    media_types: frozenset[str]
    strip_metadata: bool
    convert_to_webp: bool

    def check_namespace(self, namespace: str) -> None:
        """Raise NamespaceForbidden unless files may be uploaded to the namespace."""
        if namespace not in self.namespaces:
            raise NamespaceForbidden(namespace, self.namespaces)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client states about a new file; `fields` are the settable ones. `to_webp` is None if it does not say."""

    namespace: str
    destination: str | None
    filename: str | None
    to_webp: bool | None
    fields: dict[str, Any]
    on_conflict: OnConflict = OnConflict.REFUSE


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new file for the entry `uuid`, and new values of its fields; `keep_type` is `toWebp=false`."""

    uuid: str
    file: SpooledFile | RefusedFile
    keep_type: bool
    fields: dict[str, Any]
    now: float
    check: Callable[[Entry], None]


@dataclass(slots=True)
class _Writing:
    """One file that becomes an entry, and the state of this process.

    `draft` makes the entry from the current one (None if there is none) and from the stored bytes. If it returns the
    current one, there is nothing to write. A `new` asset may get an entry that does not exist yet. `is_taken` says that
    the path has an entry, which is certain under the claim of a backend that replaces in place. `reserved` is a claim
    on the name alone.
    """

    unique_name: str
    media_type: str
    file: SpooledFile
    original_size: int
    draft: Callable[[Entry | None, StoredFile], Entry]
    new: NewAsset | None = None
    is_taken: bool = False
    claim: Claim | None = None
    reserved: Claim | None = None
    intended: Entry | None = None
    receipt: Receipt | None = None
    outcome: Written | TadaError | None = None

    @property
    def entry_key(self) -> str:
        return identity.entry_key(self.unique_name)

    def entry(self, current: Entry | None) -> Entry:
        """Return the entry to write over `current`."""
        assert self.claim
        file = self.file
        stored = StoredFile(
            self.media_type, file.signature, file.size, self.claim.storage_key, original_size=self.original_size
        )
        made = self.draft(current, stored)
        version = self.receipt.version if self.receipt else None
        return made if version is None else replace(made, version=version)


class Uploads:
    """Creates entries and replaces their files, one or several at a time; each succeeds or fails by itself."""

    def __init__(self, claims: Claims, reaper: Reaper, entries: Entries, storage: Storage, rules: Rules) -> None:
        self._claims, self._entries, self._storage, self._rules = claims, entries, storage, rules
        # Asked once: Python compares all methods for it, and every upload needs it several times.
        self._in_place = storage if isinstance(storage, ReplacesInPlace) else None
        self._drawable = Drawable()
        self._discarding = Discarding(reaper)

    async def create(self, files: Sequence[SpooledFile | RefusedFile], wish: Wish) -> list[Written | TadaError]:
        """Store new assets, or do with a path that is taken as `wish.on_conflict` says.

        Errors are AlreadyExists, NotReplaceable, other BadRequests, and FileTooLarge.
        """
        self._rules.check_namespace(wish.namespace)
        entries.check_sizes(wish.fields)
        now = time.time()
        taken: dict[str, tuple[int, str]] = {}
        """The path of each file so far, with its position and its SHA-256 as received."""
        same: dict[int, int] = {}
        """Files that an earlier one makes unnecessary: the positions of both."""

        async def planned(at: int, received: SpooledFile | RefusedFile) -> _Writing:
            file = _kept(received)
            new, current = self._new(file, wish, now), None
            if new.on_conflict is OnConflict.RENAME:
                new = await self._with_free_name(new, taken)
            elif new.unique_name in taken:
                first, signature = taken[new.unique_name]
                if new.on_conflict is OnConflict.SKIP and signature == new.received:
                    same[at] = first
                raise AlreadyExists(new.unique_name, identity.asset_uuid(new.unique_name), "Another file of this form")
            elif current := await self._current(new.unique_name):
                new.check(current)
            taken[new.unique_name] = at, new.received
            is_taken = current is not None
            return _Writing(new.unique_name, new.media_type, file, file.size, new.draft, new, is_taken)

        results = await self._write([await _caught(planned(at, file)) for at, file in enumerate(files)])
        for at, first in same.items():
            result = results[first]
            results[at] = result if isinstance(result, TadaError) else (result[0], None)
        return results

    async def replace(self, wanted: Sequence[Replacement]) -> list[Written | TadaError]:
        """Give entries new files and fields. Errors are NoEntry, NotReplaceable, other BadRequests, FileTooLarge and
        those of `check`."""
        seen: set[str] = set()

        async def planned(one: Replacement) -> _Writing:
            file = _kept(one.file)
            media_type = self._type_of(file)
            found = await self._entries.get(one.uuid)
            if found.key in seen:
                raise BadRequest(f"{one.uuid} is named twice.", "Send one file for each entry.")
            seen.add(found.key)
            _, extension = names.split_name(file.given_name, media_type)
            names.check_type(extension, file.given_name, media_type, self._rules.media_types)

            def draft(current: Entry | None, stored: StoredFile) -> Entry:
                if current is None or current.unique_name != found.unique_name:
                    raise NoEntry(one.uuid)
                one.check(current)
                entries.check_replaceable(current, media_type, keep_type=one.keep_type)
                return entries.with_fields(entries.with_file(current, stored, extension), one.fields, one.now)

            one.check(found)
            entries.check_sizes(one.fields, found)
            entries.check_replaceable(found, media_type, keep_type=one.keep_type)
            return _Writing(found.unique_name, media_type, file, file.size, draft)

        results = await self._write([await _caught(planned(one)) for one in wanted])
        return [await self._unless_moved(one.uuid, result) for one, result in zip(wanted, results, strict=True)]

    async def adopt(self, given: dict[str, Any], check: Callable[[str], None]) -> tuple[Entry, Commit]:
        """Add an entry for a file that is in the storage under the plain key of its `unique_name`.

        `given` has the fields of the entry that the client knows. Fields that follow from the bytes are computed. A
        `signature` that does not match, and a file that cannot be drawn, are refused. Raises BadRequest, AlreadyExists,
        NotFound, StorageDown, and what `check(namespace)` raises.
        """
        wanted = adoption.parse(given)
        self._rules.check_namespace(wanted.namespace)
        check(wanted.namespace)
        entries.check_sizes(wanted.fields)
        await self._check_uuid(wanted)
        claim = await self._claims.make_on_stored(wanted.unique_name)
        if claim is None:
            raise BadRequest(f"{wanted.unique_name} is being written or deleted.", "Try again in a moment.")
        try:
            async with adoption.copied(self._storage, wanted, claim) as file:
                stored = adoption.stored_file(file, claim)
                entry = adoption.entry(wanted, stored, self._rules.media_types)
                entries.check_sizes(entry.fields)  # Those of a whole entry are read only here.
                await self._drawable.check(file)
            return entry, await self._entries.create(entry, claim)
        finally:
            await self._claims.release(claim)  # It has no effect if the entry refers to the object.

    async def close(self) -> None:
        """End what is still being discarded, and the process that looks at files. The jobs worker finds the claims of
        what is left, and goes on."""
        await self._discarding.close()
        self._drawable.close()

    async def _unless_moved(self, uuid: str, result: Written | TadaError) -> Written | TadaError:
        """Return the result of a replacement. An asset that is gone from its path may have been moved meanwhile."""
        if isinstance(result, NoEntry):
            with suppress(NoEntry):
                return Unavailable(f"{(await self._entries.get(uuid)).unique_name} was moved.", "Send it again.")
        return result

    async def _check_uuid(self, wanted: adoption.Adoption) -> None:
        """Raise BadRequest if the uuid of a whole entry is that of another one."""
        if wanted.whole is None:
            return
        with suppress(NoEntry):
            other = await self._entries.get(wanted.whole["uuid"])
            if other.unique_name != wanted.unique_name and other.is_named(wanted.whole["uuid"]):
                raise BadRequest(
                    f"The uuid {other.uuid} is that of {other.unique_name}.",
                    "Leave the uuid out: the entry gets the one that follows from its path.",
                )

    def _type_of(self, file: SpooledFile) -> str:
        if file.size == 0:
            raise BadRequest(f"The file {file.given_name!r} is empty.", "Send a file with content.")
        declared = media_types.canonical(file.declared_type or "")
        allowed = ", ".join(sorted(self._rules.media_types))
        if file.media_type is None:
            claimed = declared or media_types.of_extension(file.given_name.rpartition(".")[2]) or "unknown"
            raise TypeUnauthorized(claimed, f"The type of the bytes is not one of {allowed}.")
        if declared not in ("", media_types.BYTES, file.media_type):
            raise TypeUnauthorized(declared, f"The bytes are {file.media_type}; allowed: {allowed}.")
        return file.media_type

    def _new(self, file: SpooledFile, wish: Wish, now: float) -> NewAsset:
        media_type = self._type_of(file)
        converted = names.is_converted(media_type, wish.to_webp, default=self._rules.convert_to_webp)
        given = wish.filename or file.given_name
        name = names.name_asset(wish.namespace, wish.destination, given, media_type, self._rules.media_types, converted)
        return NewAsset(
            name, media_type, file.signature, converted, wish.to_webp is False, wish.fields, wish.on_conflict, now
        )

    async def _current(self, unique_name: str) -> Entry | None:
        raw = await self._entries.raw(identity.entry_key(unique_name))
        return entry_json.read(raw) if raw else None

    async def _with_free_name(self, new: NewAsset, taken: Collection[str]) -> NewAsset:
        """Return the asset under its own name or the first numbered one that is found to be free. None of `taken` is.

        Raises AlreadyExists if there are too many.
        """

        async def free(candidates: Sequence[NewAsset]) -> list[bool]:
            raws = await self._entries.raws([identity.entry_key(one.unique_name) for one in candidates])
            return [raw is None and one.unique_name not in taken for one, raw in zip(candidates, raws, strict=True)]

        if (await free([new.numbered(None)]))[0]:
            return new.numbered(None)
        number = await conflicts.free_number(lambda numbers: free([new.numbered(one) for one in numbers]))
        if number is None:
            there = "Another file, and one under each number that was tried,"
            raise AlreadyExists(new.unique_name, identity.asset_uuid(new.unique_name), there)
        return new.numbered(number)

    async def _write(self, plans: Sequence[_Writing | TadaError]) -> list[Written | TadaError]:
        """Carry out plans; return the result of each, in order. A failed plan leaves nothing."""
        writings = [plan for plan in plans if isinstance(plan, _Writing)]
        # All files before the first claim: others wait for a claim, and looking at a file takes seconds.
        for writing in writings:
            writing.outcome = await _caught(self._prepare(writing))
        try:
            # All requests use the same order, so two requests never wait for each other's claims.
            for writing in sorted(_unsettled(writings), key=lambda one: one.unique_name):
                writing.outcome = await _caught(self._claim(writing))
            await self._store(_unsettled(writings))
            for writing in _unsettled(writings):
                writing.outcome = await _caught(self._commit(writing))
        finally:
            await self._discard_failed(writings)
        outcomes = iter(writings)
        return [plan if isinstance(plan, TadaError) else _outcome(next(outcomes)) for plan in plans]

    async def _prepare(self, writing: _Writing) -> Written | None:
        """Check the file, and make it what the storage gets. Return the result if nothing has to be stored."""
        await self._drawable.check(writing.file)
        file, media_type = writing.file, writing.media_type
        if self._rules.strip_metadata and await asyncio.to_thread(strip_file, file.path, media_type, ended=file.ended):
            writing.file = await asyncio.to_thread(measured_again, writing.file)
        if writing.new is None or writing.new.on_conflict is not OnConflict.SKIP:
            return None
        current = await self._current(writing.unique_name)
        if current is None:
            return None
        if writing.new.is_same(current, writing.file.signature):
            return current, None
        raise entries.already_exists(current)

    async def _claim(self, writing: _Writing) -> Written | None:
        """Claim the storage key of the file. Return the result if nothing has to be stored after all."""
        if writing.new and writing.new.on_conflict is OnConflict.RENAME:
            await self._claim_free_name(writing, writing.new)
        elif self._in_place:
            writing.claim = await self._claims.make_in_place(writing.unique_name)
        else:
            writing.claim = await self._claims.make(writing.unique_name)
        if not self._in_place:
            return None
        current = await self._current(writing.unique_name)
        intended = writing.entry(current)
        if intended == current:
            return intended, None
        writing.is_taken, writing.intended = current is not None, intended
        assert writing.claim
        writing.claim = await self._claims.intend(writing.claim, intended)
        return None

    async def _claim_free_name(self, writing: _Writing, new: NewAsset) -> None:
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
                if is_reserved and await self._current(new.unique_name) is None:
                    writing.new, writing.unique_name, writing.draft = new, new.unique_name, new.draft
                    return
                unused, writing.claim = writing.claim, None
                await self._claims.release(unused)
                await self._free_name(writing)
            passed.add(new.unique_name)
            new = await self._with_free_name(new, passed)

    async def _store(self, writings: list[_Writing]) -> None:
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

    async def _receipts(self, writings: Sequence[_Writing]) -> list[tuple[_Writing, Outcome]]:
        # For a backend that replaces in place, a new file and a replacement are different requests.
        added = [writing for writing in writings if not writing.is_taken]
        replaced = [writing for writing in writings if writing.is_taken]
        outcomes = [*await self._put(added), *await self._put(replaced)]
        return list(zip([*added, *replaced], outcomes, strict=True))

    async def _put(self, writings: Sequence[_Writing]) -> list[Outcome]:
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

    def _object(self, writing: _Writing) -> StoredObject:
        assert writing.claim
        if writing.intended:
            return writing.intended.stored
        return StoredObject(writing.claim.storage_key, writing.media_type)

    async def _commit(self, writing: _Writing) -> Written:
        """Make the entry refer to the stored bytes."""
        if writing.new:
            return await self._entries.put(writing.entry_key, writing.entry, writing.claim, is_there=writing.is_taken)
        try:
            entry, commit = await self._entries.change(writing.entry_key, writing.entry, writing.claim)
        except NoEntry:
            writing.entry(None)  # Raises the same, by the uuid that the client named.
            raise
        assert commit is not None  # A new version is never the object that was there.
        return entry, commit

    async def _discard_failed(self, writings: Sequence[_Writing]) -> None:
        for one in writings:
            if one.claim and _is_committed(one):
                self._claims.spent(one.claim)
        failed = [one.claim for one in writings if one.claim and not _is_committed(one)]
        for one in writings:
            await self._free_name(one)
        await self._discarding.discard(failed)

    async def _free_name(self, writing: _Writing) -> None:
        if writing.reserved:
            reserved, writing.reserved = writing.reserved, None
            await self._claims.release(reserved)


Result = TypeVar("Result")


async def _caught(step: Awaitable[Result]) -> Result | TadaError:
    """Return what a step returns, or the error that it raises."""
    try:
        return await step
    except TadaError as error:
        return error


def _unsettled(writings: Iterable[_Writing]) -> list[_Writing]:
    """Return those that have no outcome yet: nothing has failed."""
    return [writing for writing in writings if writing.outcome is None]


def _is_committed(writing: _Writing) -> bool:
    """Say whether the entry was written. If not, the claim and what lies under it are not needed."""
    return isinstance(writing.outcome, tuple) and writing.outcome[1] is not None


def _kept(received: SpooledFile | RefusedFile) -> SpooledFile:
    """Return a file that is in the spool; raises the error of one that was refused."""
    if isinstance(received, RefusedFile):
        raise received.error
    return received


def _note(writing: _Writing, outcome: Outcome) -> None:
    if isinstance(outcome, Receipt):
        writing.receipt = outcome
    elif isinstance(outcome, ObjectExists):
        writing.outcome = BadRequest(
            f"The storage has a file at {writing.unique_name} that the catalog does not know.",
            "Catalogue it with POST /catalog, or choose another name.",
        )
    else:
        writing.outcome = outcome


def _outcome(writing: _Writing) -> Written | TadaError:
    assert writing.outcome is not None
    return writing.outcome
