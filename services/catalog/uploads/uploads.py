"""From spooled files to entries: the bytes reach the storage first, then the catalog, then the client is told.

A failure leaves neither bytes nor an entry. What a killed process leaves is settled by the jobs worker.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from redis.exceptions import RedisError

from services.catalog.uploads import adoption
from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.spool import RefusedFile, SpooledFile, measured_again
from services.catalog.uploads.stripping import strip_file
from services.core.assets import entries, identity, media_types, names
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.names import AssetName
from services.core.errors import AlreadyExists, BadRequest, NamespaceForbidden, NoEntry, TadaError, TypeUnauthorized
from services.core.observing import logs
from services.core.state import cancellation, entry_json
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit
from services.core.state.entries import Entries
from services.core.state.reaper import Reaper
from services.core.storage import NewObject, ObjectExists, Outcome, Receipt, ReplacesInPlace, Storage, StoredObject

log = logging.getLogger(__name__)

_TELL_SECONDS = 0.5
"""How long the answer to a failed upload waits until its bytes are removed."""

Written = tuple[Entry, Commit]


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

    `draft` makes the entry from the current one (None if there must be none) and from the stored bytes.
    """

    unique_name: str
    media_type: str
    file: SpooledFile
    original_size: int
    draft: Callable[[Entry | None, StoredFile], Entry]
    replaces: bool
    claim: Claim | None = None
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
        self._claims, self._reaper = claims, reaper
        self._entries, self._storage, self._rules = entries, storage, rules
        self._drawable = Drawable()
        self._discarding: set[asyncio.Task[None]] = set()

    async def create(self, files: Sequence[SpooledFile | RefusedFile], wish: Wish) -> list[Written | TadaError]:
        """Store new assets. Errors are AlreadyExists if the path is taken, other BadRequests, and FileTooLarge."""
        self._rules.check_namespace(wish.namespace)
        entries.check_texts(wish.fields)
        taken: set[str] = set()

        async def planned(received: SpooledFile | RefusedFile) -> _Writing:
            file = _kept(received)
            media_type = self._type_of(file)
            converted = names.is_converted(media_type, wish.to_webp, default=self._rules.convert_to_webp)
            name = self._name(file, wish, media_type, converted)
            if name.unique_name in taken:
                raise AlreadyExists(
                    name.unique_name, identity.asset_uuid(name.unique_name), "Another file of this form"
                )
            raw = await self._entries.raw(identity.entry_key(name.unique_name))
            if raw is not None:
                raise entries.already_exists(entry_json.read(raw))
            taken.add(name.unique_name)

            def draft(current: Entry | None, stored: StoredFile) -> Entry:
                if current is not None:
                    raise entries.already_exists(current)
                return entries.new_entry(name, stored, converted=converted, fields=wish.fields)

            return _Writing(name.unique_name, media_type, file, file.size, draft, replaces=False)

        return await self._write([await _caught(planned(file)) for file in files])

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
                if current is None:
                    raise NoEntry(one.uuid)
                one.check(current)
                entries.check_replaceable(current, media_type, keep_type=one.keep_type)
                return entries.with_fields(entries.with_file(current, stored, extension), one.fields, one.now)

            one.check(found)
            entries.check_texts(one.fields, found)
            entries.check_replaceable(found, media_type, keep_type=one.keep_type)
            return _Writing(found.unique_name, media_type, file, file.size, draft, replaces=True)

        return await self._write([await _caught(planned(one)) for one in wanted])

    async def adopt(self, given: dict[str, Any], check: Callable[[str], None]) -> tuple[Entry, Commit]:
        """Add an entry for a file that is in the storage under the plain key of its `unique_name`.

        `given` has the fields of the entry that the client knows. Fields that follow from the bytes are computed. A
        `signature` that does not match, and a file that cannot be drawn, are refused. Raises BadRequest, AlreadyExists,
        NotFound, StorageDown, and what `check(namespace)` raises.
        """
        wanted = adoption.parse(given)
        self._rules.check_namespace(wanted.namespace)
        check(wanted.namespace)
        entries.check_texts(wanted.fields)
        await self._check_uuid(wanted)
        claim = await self._claims.make_on_stored(wanted.unique_name)
        if claim is None:
            raise BadRequest(f"{wanted.unique_name} is being written or deleted.", "Try again in a moment.")
        try:
            async with adoption.copied(self._storage, wanted, claim) as file:
                stored = adoption.stored_file(file, claim)
                entry = adoption.entry(wanted, stored, self._rules.media_types)
                entries.check_texts(entry.fields)  # Those of a whole entry are read only here.
                await self._drawable.check(file)
            return entry, await self._entries.create(entry, claim)
        finally:
            await self._claims.release(claim)  # It has no effect if the entry refers to the object.

    async def close(self) -> None:
        """End what is still being discarded. The jobs worker finds its claims and goes on."""
        await cancellation.end(self._discarding)

    async def _check_uuid(self, wanted: adoption.Adoption) -> None:
        """Raise BadRequest if the uuid of a whole entry is that of another one."""
        if wanted.whole is None:
            return
        with suppress(NoEntry):
            other = await self._entries.get(wanted.whole["uuid"])
            if other.unique_name != wanted.unique_name:
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

    def _name(self, file: SpooledFile, wish: Wish, media_type: str, converted: bool) -> AssetName:
        given = wish.filename or file.given_name
        return names.name_asset(wish.namespace, wish.destination, given, media_type, self._rules.media_types, converted)

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

    async def _prepare(self, writing: _Writing) -> None:
        """Check the file, and make it what the storage gets."""
        await self._drawable.check(writing.file)
        file, media_type = writing.file, writing.media_type
        if self._rules.strip_metadata and await asyncio.to_thread(strip_file, file.path, media_type, ended=file.ended):
            writing.file = await asyncio.to_thread(measured_again, writing.file)

    async def _claim(self, writing: _Writing) -> None:
        """Claim the storage key of the file."""
        if not isinstance(self._storage, ReplacesInPlace):
            writing.claim = await self._claims.make(writing.unique_name)
            return
        writing.claim = await self._claims.make_in_place(writing.unique_name)
        raw = await self._entries.raw(writing.entry_key)
        writing.intended = writing.entry(entry_json.read(raw) if raw else None)
        writing.claim = await self._claims.intend(writing.claim, writing.intended)

    async def _store(self, writings: list[_Writing]) -> None:
        """Store the files. If the storage has an unknown object under a key, it stays, and another key is used."""
        taken = []
        for writing, outcome in zip(writings, await self._receipts(writings), strict=True):
            if isinstance(outcome, ObjectExists) and not isinstance(self._storage, ReplacesInPlace):
                assert writing.claim
                # The object there is not the writer's: from here on, it must not be treated as such.
                found, writing.claim = writing.claim, None
                await self._claims.release(found)
                writing.claim = await self._claims.make_spare(writing.unique_name)
                taken.append(writing)
            else:
                _note(writing, outcome)
        for writing, outcome in zip(taken, await self._receipts(taken), strict=True):
            _note(writing, outcome)

    async def _receipts(self, writings: Sequence[_Writing]) -> list[Outcome]:
        if not writings:
            return []
        new = [NewObject(self._object(writing), writing.file.path, writing.file.signature) for writing in writings]
        try:
            if writings[0].replaces and isinstance(self._storage, ReplacesInPlace):
                return await self._storage.replace(new)
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
        if not writing.replaces:
            entry = writing.entry(None)
            return entry, await self._entries.create(entry, writing.claim)
        try:
            entry, commit = await self._entries.change(writing.entry_key, writing.entry, writing.claim)
        except NoEntry:
            writing.entry(None)  # Raises the same, by the uuid that the client named.
            raise
        assert commit is not None  # A new version is never the object that was there.
        return entry, commit

    async def _discard_failed(self, writings: Sequence[_Writing]) -> None:
        for one in writings:
            if one.claim and isinstance(one.outcome, tuple):
                self._claims.spent(one.claim)
        failed = [one.claim for one in writings if one.claim and not isinstance(one.outcome, tuple)]
        if not failed:
            return
        discarding = {asyncio.create_task(self._discard(claim)) for claim in failed}
        self._discarding |= discarding
        for task in discarding:
            task.add_done_callback(self._discarding.discard)
        # Usually done at once, so that nothing is left when the client gets the answer. If Redis or the storage is
        # down, it continues after the answer.
        await asyncio.wait(discarding, timeout=_TELL_SECONDS)

    async def _discard(self, claim: Claim) -> None:
        """Settle the claim of a failed upload, unless the write went through after all.

        If that fails, the jobs worker does it: it finds the claim.
        """
        try:
            await self._reaper.discard(claim)
        except (RedisError, TadaError) as error:
            logs.event(log, logging.WARNING, "discard_delayed", error=str(error), storage_key=claim.storage_key)


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
