"""From a spooled file to an entry: the bytes reach the storage first, then the catalog, then the client is told.

Whatever fails on the way leaves neither bytes nor entry; what a killed process leaves is reaped by the jobs worker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from services.catalog import adoption
from services.catalog.spool import SpooledFile, measured_again
from services.catalog.stripping import strip_file
from services.core import entries, logs, media_types, names
from services.core.catalog import Catalog, Change, Claim
from services.core.entries import Entry, StoredFile
from services.core.errors import AlreadyExists, BadRequest, NamespaceForbidden, TadaError, TypeUnauthorized
from services.core.names import AssetName
from services.core.reaping import delete_stale
from services.core.storage import ObjectExists, Storage

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be uploaded, and what its public addresses start with."""

    namespaces: tuple[str, ...]
    media_types: frozenset[str]
    assets_url: str
    strip_metadata: bool

    def check_namespace(self, namespace: str) -> None:
        """Raise NamespaceForbidden unless files may be put there."""
        if namespace not in self.namespaces:
            raise NamespaceForbidden(namespace, self.namespaces)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client said about a new file; `fields` are its settable ones."""

    namespace: str
    destination: str | None
    filename: str | None
    convert: bool
    fields: dict[str, Any]


class Uploads:
    """Creates entries and replaces their files."""

    def __init__(self, catalog: Catalog, storage: Storage, rules: Rules) -> None:
        self._catalog, self._storage, self._rules = catalog, storage, rules
        self._discarding: set[asyncio.Task[None]] = set()

    async def create(self, file: SpooledFile, wish: Wish) -> tuple[Entry, Change]:
        """Store a new asset; raises AlreadyExists when its path is taken, and other BadRequests."""
        self._rules.check_namespace(wish.namespace)
        media_type = self._type_of(file)
        name = self._name(file, wish, media_type)
        if await self._catalog.raw(names.asset_uuid(name.unique_name)) is not None:
            raise AlreadyExists
        async with self._stored(file, name.unique_name, media_type) as (claim, stored):
            entry = entries.new_entry(
                name,
                stored,
                converted=wish.convert and media_types.KNOWN[media_type].raster,
                assets_url=self._rules.assets_url,
                fields=wish.fields,
            )
            change = await self._catalog.create(entry, claim)
        return entry, change

    async def replace(
        self,
        uuid: str,
        file: SpooledFile,
        *,
        keep_type: bool,
        fields: dict[str, Any],
        now: float,
        check: Callable[[Entry], None],
    ) -> tuple[Entry, Change]:
        """Give an entry a new file and fields; raises NotFound, NotReplaceable, other BadRequests and `check`'s."""
        media_type = self._type_of(file)
        current = await self._catalog.get(uuid)
        check(current)
        entries.check_replaceable(current, media_type, keep_type=keep_type)
        _, extension = names.split_name(file.given_name, media_type)
        names.check_type(extension, file.given_name, media_type, self._rules.media_types)
        async with self._stored(file, current.unique_name, media_type) as (claim, stored):

            def step(entry: Entry) -> Entry:
                check(entry)
                entries.check_replaceable(entry, media_type, keep_type=keep_type)
                return entries.with_fields(entries.with_file(entry, stored, extension), fields, now)

            entry, change = await self._catalog.change(uuid, step, claim)
        assert change is not None  # A new version is never what was there.
        return entry, change

    async def adopt(self, given: dict[str, Any], check: Callable[[str], None]) -> tuple[Entry, Change]:
        """Catalogue a file that lies in the storage under the plain key of its `unique_name`.

        `given` is an entry, as far as the client knows it. What follows from the bytes is computed, and a `signature`
        that is not theirs is refused. Raises BadRequest, AlreadyExists, NotFound, and whatever `check(namespace)` does.
        """
        wanted = adoption.parse(given)
        self._rules.check_namespace(wanted.namespace)
        check(wanted.namespace)
        claim = await self._catalog.claim_stored(wanted.unique_name)
        if claim is None:
            raise BadRequest(f"{wanted.unique_name} is being written or deleted.", "Try again in a moment.")
        try:
            stored = await adoption.examine(self._storage, wanted, claim.storage_key)
            entry = adoption.entry(wanted, stored, self._rules.media_types, self._rules.assets_url)
            return entry, await self._catalog.create(entry, claim)
        finally:
            await self._catalog.release(claim)  # Of no effect once the entry refers to the object.

    def _type_of(self, file: SpooledFile) -> str:
        if file.size == 0:
            raise BadRequest(f"The file {file.given_name!r} is empty.", "Send a file that has bytes.")
        declared = media_types.canonical(file.declared_type or "")
        allowed = ", ".join(sorted(self._rules.media_types))
        if file.media_type is None:
            claimed = declared or media_types.of_extension(file.given_name.rpartition(".")[2]) or "unknown"
            raise TypeUnauthorized(claimed, f"The bytes are none of {allowed}.")
        if declared not in ("", "application/octet-stream", file.media_type):
            raise TypeUnauthorized(declared, f"The bytes are {file.media_type}; allowed: {allowed}.")
        return file.media_type

    def _name(self, file: SpooledFile, wish: Wish, media_type: str) -> AssetName:
        given = wish.filename or file.given_name
        return names.name_asset(
            wish.namespace, wish.destination, given, media_type, self._rules.media_types, wish.convert
        )

    @asynccontextmanager
    async def _stored(
        self, file: SpooledFile, unique_name: str, media_type: str
    ) -> AsyncIterator[tuple[Claim, StoredFile]]:
        """Store the bytes for the length of the context; they stay if an entry refers to them by its end."""
        original_size = file.size
        if self._rules.strip_metadata and await asyncio.to_thread(strip_file, file.path, media_type):
            file = await asyncio.to_thread(measured_again, file)
        claim = await self._catalog.claim(unique_name)
        try:
            try:
                await self._storage.create(claim.storage_key, file.path, media_type)
            except ObjectExists:
                # Something that the catalog does not know lies there. It is not ours to overwrite.
                await self._catalog.release(claim)
                claim = await self._catalog.claim_spare(unique_name)
                await self._storage.create(claim.storage_key, file.path, media_type)
            yield claim, StoredFile(media_type, file.signature, file.size, claim.storage_key, original_size)
        except BaseException:
            discarding = asyncio.create_task(self._discard(claim))
            self._discarding.add(discarding)
            discarding.add_done_callback(self._discarding.discard)
            # Usually done at once, so that the client is told when nothing is left; if Redis or the storage
            # is down it goes on behind the answer.
            await asyncio.wait([discarding], timeout=_RETRY_SECONDS / 2)
            raise

    async def _discard(self, claim: Claim) -> None:
        """Delete the bytes of a failed upload, unless the write went through after all; try until it is done."""
        while True:
            try:
                stale = await self._catalog.take_back(claim)
                if stale:
                    await delete_stale(self._catalog, self._storage, stale)
                return
            except (RedisError, TadaError) as error:
                logs.event(log, logging.WARNING, "discard_delayed", storage_key=claim.storage_key, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
