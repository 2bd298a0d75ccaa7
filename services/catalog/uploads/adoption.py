"""Adds an entry for a file that is in the storage already: POST /catalog."""

import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.assets import entries, media_types, names, reading
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.facts import NO_FACTS
from services.core.assets.names import AssetName
from services.core.assets.reading import NotUnderstood
from services.core.errors import BadRequest, NotFound, TypeUnauthorized
from services.core.state.claim import Claim
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage, StoredObject

_VERSION_MAX = 2**31 - 1
_HINTS = {
    "unique_name": "Send the path of the file, such as /DEV/products/cat.webp.",
    "version": "Send a positive number, or leave it out to begin with 1.",
}


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the client states about the file; the rest of the entry follows from the bytes and the path.

    `whole` is an entry as a client, or the older service, has it: it keeps its uuid, names, dates and fields.
    """

    unique_name: str
    original_filename: str | None
    signature: str | None
    version: int
    fields: dict[str, Any]
    whole: dict[str, Any] | None = None

    @property
    def namespace(self) -> str:
        return self.unique_name.split("/")[1]


def parse(given: dict[str, Any]) -> Adoption:
    """Read an entry as a client sends it; raises BadRequest."""
    whole = reading.is_whole(given)
    try:
        return Adoption(
            reading.path(given.get("unique_name")),
            _text("original_filename", given.get("original_filename")),
            _signature(given.get("signature")),
            _version(given.get("version"), whole=whole),
            {} if whole else entries.parse_fields(given),
            given if whole else None,
        )
    except NotUnderstood as problem:
        raise BadRequest(f"The entry cannot be understood: {problem}.", _HINTS.get(problem.field)) from None


def _version(value: object, *, whole: bool) -> int:
    """Read a version. That of a whole entry is read as in a dump."""
    if whole:
        return reading.version(value)
    return 1 if value is None else reading.number("version", value, 1, _VERSION_MAX)


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} is not a text.", "Send a string, or leave it out.")
    return value


def _signature(value: object) -> str | None:
    said = _text("signature", value)
    return said.strip().lower() if said else None


@asynccontextmanager
async def copied(storage: Storage, wanted: Adoption, claim: Claim) -> AsyncIterator[SpooledFile]:
    """Copy the stored file to the spool, where it is checked like an upload. The copy is removed at the end.

    Raises NotFound, StorageDown, and BadRequest if the file is not what the client states.
    """
    named = media_types.of_extension(wanted.unique_name.rpartition(".")[2]) or ""
    object_ = StoredObject(claim.storage_key, named, wanted.version, False, {"unique_name": wanted.unique_name})
    async with _copied(storage, object_, claim.owner) as file:
        if not isinstance(storage, ReplacesInPlace) or file.media_type == named:
            _check_signature(wanted, file)
            yield file
            return
    # Later it is requested as an original, which such a backend may keep separately.
    original = replace(object_, media_type=file.media_type or "", converted=True)
    async with _copied(storage, original, claim.owner) as file:
        _check_signature(wanted, file)
        yield file


@asynccontextmanager
async def _copied(storage: Storage, stored: StoredObject, owner: str) -> AsyncIterator[SpooledFile]:
    writer = SpoolWriter(storage.spool, owner, stored.key, None, sys.maxsize)
    try:
        try:
            async with aclosing(storage.stream(stored)) as chunks:
                async for chunk in chunks:
                    await writer.write(chunk)
        except ObjectMissing:
            raise NotFound(f"The storage has no file {stored.key}.", "Put it there first, or upload it.") from None
        yield await writer.finish()
    finally:
        writer.discard()


def _check_signature(wanted: Adoption, file: SpooledFile) -> None:
    if wanted.signature not in (None, file.signature):
        raise BadRequest("The signature does not match the stored file.", f"Its SHA-256 is {file.signature}.")


def stored_file(file: SpooledFile, claim: Claim) -> StoredFile:
    """Return what is stored under the key of a claim, by its copy; raises BadRequest if its type is not known."""
    if file.media_type is None:
        raise BadRequest(f"The stored file {claim.storage_key} has no known type.", "Store an image, an SVG or a PDF.")
    return StoredFile(file.media_type, file.signature, file.size, claim.storage_key, original_size=file.size)


def entry(wanted: Adoption, stored: StoredFile, allowed: frozenset[str]) -> Entry:
    """Return the entry of an adopted file; raises BadRequest if name and bytes do not match."""
    if wanted.whole is not None:
        return _whole_entry(wanted, wanted.whole, stored, allowed)
    _, namespace, *folders, filename = wanted.unique_name.split("/")
    given_name = wanted.original_filename or _uploaded_name(filename, stored.media_type)
    raster = media_types.KNOWN[stored.media_type].raster
    convert = raster and filename.endswith(".webp")
    name = names.name_asset(namespace, "/".join(folders), given_name, stored.media_type, allowed, convert)
    if name.unique_name != wanted.unique_name:
        raise BadRequest(
            f"A file named {given_name!r} would be {name.unique_name}, not {wanted.unique_name}.",
            "Send the unique_name and the original_filename of one and the same file.",
        )
    made = entries.new_entry(
        AssetName(namespace, name.destination, filename, name.original_filename),
        stored,
        converted=convert,
        fields=wanted.fields,
    )
    return replace(made, version=wanted.version)


def _whole_entry(wanted: Adoption, whole: dict[str, Any], stored: StoredFile, allowed: frozenset[str]) -> Entry:
    """Return an entry as it was elsewhere, of the bytes that are here."""
    bytes_here = {"unique_name": wanted.unique_name, "signature": stored.signature, "size": stored.size}
    if reading.is_of_this_service(whole):
        bytes_here["storage_key"] = stored.storage_key
    try:
        read = reading.read({**whole, **bytes_here}, entries.timestamp())
    except NotUnderstood as problem:
        raise BadRequest(f"The entry cannot be understood: {problem}.", _HINTS.get(problem.field)) from None
    is_right = stored.media_type in allowed and (read.converted or stored.media_type == read.mimetype)
    if not is_right or (read.converted and not media_types.KNOWN[stored.media_type].raster):
        raise TypeUnauthorized(
            stored.media_type,
            f"The entry says {read.original_mimetype}, and the bytes are {stored.media_type}; "
            f"allowed: {', '.join(sorted(allowed))}.",
        )
    read = read.with_facts(NO_FACTS)
    if stored.media_type == read.stored_type:
        return read
    if stored.media_type == read.mimetype:
        return replace(read, stored_mimetype=stored.media_type)
    return replace(read, stored_mimetype=None, original_mimetype=stored.media_type)


def _uploaded_name(filename: str, media_type: str) -> str:
    """Return the name under which a file was probably uploaded: with the extension of its type."""
    base, _, extension = filename.rpartition(".")
    claimed = media_types.of_extension(extension)
    return filename if claimed == media_type else f"{base}.{media_types.KNOWN[media_type].extensions[0]}"
