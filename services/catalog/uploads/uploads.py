"""From spooled files to entries: plans for what clients want, which a Writer carries out, and the client is told."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.catalog.uploads import adoption
from services.catalog.uploads.conflicts import NewAsset, OnConflict
from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.free_names import FreeNames
from services.catalog.uploads.spool import RefusedFile, SpooledFile
from services.catalog.uploads.writer import Writer, caught
from services.catalog.uploads.writing import BeforeWrite, Writing, Written, at_once
from services.core.assets import entries, identity, media_types, names
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.quotas import Quota
from services.core.errors import (
    AlreadyExists,
    BadRequest,
    NamespaceForbidden,
    NoEntry,
    TadaError,
    TypeUnauthorized,
    Unavailable,
)
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit
from services.core.state.entries import Entries
from services.core.state.reaper import Reaper
from services.core.state.usage import Room
from services.core.storage import Storage


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
    """What the client states about a new file; `fields` are the settable ones. `to_webp` is None if it does not say.

    `before_write` is awaited just before the catalog is written, or the bytes for a backend that replaces in place. It
    may refuse the upload.
    """

    namespace: str
    destination: str | None
    filename: str | None
    to_webp: bool | None
    fields: dict[str, Any]
    on_conflict: OnConflict = OnConflict.REFUSE
    before_write: BeforeWrite = at_once


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new file for the entry `uuid`, and new values of its fields; `keep_type` is `toWebp=false`.

    `before_write` is as in Wish.
    """

    uuid: str
    file: SpooledFile | RefusedFile
    keep_type: bool
    fields: dict[str, Any]
    now: float
    check: Callable[[Entry], None]
    before_write: BeforeWrite = at_once


class Uploads:
    """Creates entries and replaces their files, one or several at a time; each succeeds or fails by itself."""

    def __init__(
        self, claims: Claims, reaper: Reaper, entries: Entries, storage: Storage, rules: Rules, room: Room
    ) -> None:
        self._claims, self._entries, self._storage, self._rules = claims, entries, storage, rules
        self._drawable, self._free_names, self._room = Drawable(), FreeNames(entries), room
        self._writer = Writer(claims, reaper, entries, storage, self._drawable, room, strip=rules.strip_metadata)

    async def create(self, files: Sequence[SpooledFile | RefusedFile], wish: Wish) -> list[Written | TadaError]:
        """Store new assets, or do with a path that is taken as `wish.on_conflict` says.

        Errors are AlreadyExists, NotReplaceable, other BadRequests, FileTooLarge and QuotaExceeded.
        """
        self._rules.check_namespace(wish.namespace)
        entries.check_sizes(wish.fields)
        now = time.time()
        taken: dict[str, tuple[int, str]] = {}
        """The path of each file so far, with its position and its SHA-256 as received."""
        same: dict[int, int] = {}
        """Files that an earlier one makes unnecessary: the positions of both."""

        async def planned(at: int, received: SpooledFile | RefusedFile) -> Writing:
            file = _kept(received)
            new, current = self._new(file, wish, now), None
            if new.on_conflict is OnConflict.RENAME:
                new = await self._free_names.first(new, taken)
            elif new.unique_name in taken:
                first, signature = taken[new.unique_name]
                if new.on_conflict is OnConflict.SKIP and signature == new.received:
                    same[at] = first
                raise AlreadyExists(new.unique_name, identity.asset_uuid(new.unique_name), "Another file of this form")
            elif current := await self._entries.of_path(new.unique_name):
                new.check(current)
            taken[new.unique_name] = at, new.received
            is_taken = current is not None
            return Writing(
                new.unique_name, new.media_type, file, file.size, new.draft, new, is_taken, wish.before_write
            )

        results = await self._writer.write([await caught(planned(at, file)) for at, file in enumerate(files)])
        for at, first in same.items():
            result = results[first]
            results[at] = result if isinstance(result, TadaError) else (result[0], None)
        return results

    async def replace(self, wanted: Sequence[Replacement]) -> list[Written | TadaError]:
        """Give entries new files and fields. Errors are NoEntry, NotReplaceable, other BadRequests, FileTooLarge,
        QuotaExceeded and those of `check`."""
        seen: set[str] = set()

        async def planned(one: Replacement) -> Writing:
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
            return Writing(found.unique_name, media_type, file, file.size, draft, before_write=one.before_write)

        results = await self._writer.write([await caught(planned(one)) for one in wanted])
        return [await self._unless_moved(one.uuid, result) for one, result in zip(wanted, results, strict=True)]

    async def adopt(self, given: dict[str, Any], check: Callable[[str], None]) -> tuple[Entry, Commit]:
        """Add an entry for a file that is in the storage under the plain key of its `unique_name`.

        `given` has the fields of the entry that the client knows. Fields that follow from the bytes are computed. A
        `signature` that does not match, and a file that cannot be drawn, are refused. Raises BadRequest, AlreadyExists,
        NotFound, QuotaExceeded, StorageDown, and what `check(namespace)` raises.
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
                # A file of the trash, or of an earlier version, counts already.
                [is_counted] = await self._entries.are_retired([claim.storage_key])
                await self._room.check(entry.namespace, Quota(0 if is_counted else entry.size, 1))
                await self._drawable.check(file)
            return entry, await self._entries.create(entry, claim)
        finally:
            await self._claims.release(claim)  # It has no effect if the entry refers to the object.

    async def close(self) -> None:
        """End what is still being discarded, and the process that looks at files. The jobs worker finds the claims of
        what is left, and goes on."""
        await self._writer.close()
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


def _kept(received: SpooledFile | RefusedFile) -> SpooledFile:
    """Return a file that is in the spool; raises the error of one that was refused."""
    if isinstance(received, RefusedFile):
        raise received.error
    return received
