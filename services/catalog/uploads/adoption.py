"""Adds an entry for a file that is in the storage already: POST /catalog."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from services.core.assets import entries, media_types, names
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.names import AssetName
from services.core.errors import BadRequest, NotFound
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage, StoredObject


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the client states about the file; the rest of the entry follows from the bytes and the path."""

    unique_name: str
    original_filename: str | None
    signature: str | None
    version: int
    fields: dict[str, Any]

    @property
    def namespace(self) -> str:
        return self.unique_name.split("/")[1]


def parse(given: dict[str, Any]) -> Adoption:
    """Read an entry as a client sends it; raises BadRequest."""
    unique_name = given.get("unique_name")
    if not isinstance(unique_name, str) or not names.is_unique_name(unique_name):
        raise BadRequest(
            "The entry has no valid unique_name.", "Send the path of the file, such as /DEV/products/cat.webp."
        )
    version = given.get("version", 1)
    if isinstance(version, float) and version.is_integer():
        version = int(version)  # In JSON, 2.0 is the number 2.
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version < 2**31:
        raise BadRequest("version is not a positive number.", "Leave it out to begin with 1.")
    texts = {name: given.get(name) for name in ("original_filename", "signature")}
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise BadRequest(f"{name} is not a text.", "Send a string, or leave it out.")
    return Adoption(unique_name, texts["original_filename"], texts["signature"], version, entries.parse_fields(given))


async def examine(storage: Storage, wanted: Adoption, storage_key: str) -> StoredFile:
    """Read the stored file once; raises NotFound, and BadRequest if it is not what the client states."""
    named = media_types.of_extension(wanted.unique_name.rpartition(".")[2]) or ""
    object_ = StoredObject(storage_key, named, wanted.version, False, {"unique_name": wanted.unique_name})
    found = await _measure(storage, object_)
    if isinstance(storage, ReplacesInPlace) and found.media_type != named:
        # Later it is requested as an original, which such a backend may keep separately.
        found = await _measure(storage, replace(object_, media_type=found.media_type, converted=True))
    if wanted.signature not in (None, found.signature):
        raise BadRequest("The signature does not match the stored file.", f"Its SHA-256 is {found.signature}.")
    return found


async def _measure(storage: Storage, stored: StoredObject) -> StoredFile:
    digest, size, sniffer = hashlib.sha256(), 0, media_types.Sniffer()
    try:
        async for chunk in storage.stream(stored):
            digest.update(chunk)
            size += len(chunk)
            sniffer.feed(chunk)
    except ObjectMissing:
        raise NotFound(f"The storage has no file {stored.key}.", "Put it there first, or upload it.") from None
    media_type = sniffer.media_type()
    if media_type is None:
        raise BadRequest(f"The stored file {stored.key} has no known type.", "Store an image, an SVG or a PDF.")
    return StoredFile(media_type, digest.hexdigest(), size, stored.key, original_size=size)


def entry(wanted: Adoption, stored: StoredFile, allowed: frozenset[str], assets_url: str) -> Entry:
    """Return the entry of an adopted file; raises BadRequest if name and bytes do not match."""
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
        assets_url=assets_url,
        fields=wanted.fields,
    )
    return replace(made, version=wanted.version)


def _uploaded_name(filename: str, media_type: str) -> str:
    """Return the name under which a file was probably uploaded: with the extension of its type."""
    base, _, extension = filename.rpartition(".")
    claimed = media_types.of_extension(extension)
    return filename if claimed == media_type else f"{base}.{media_types.KNOWN[media_type].extensions[0]}"
