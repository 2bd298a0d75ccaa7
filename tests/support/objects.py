"""Storing and reading objects in tests, whatever the backend."""

import hashlib
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.core.storage import NewObject, ObjectExists, Receipt, ReplacesInPlace, Storage, StoredObject


def an_object(key: str = "DEV/shop/cat.webp", media_type: str = "image/webp", **more: Any) -> StoredObject:
    unique_name = f"/{key}"
    fields = {"unique_name": unique_name, "filename": key.rpartition("/")[2], "namespace": key.partition("/")[0]}
    return StoredObject(key, media_type, fields={**fields, **more.pop("fields", {})}, **more)


def new(storage: Storage, stored: StoredObject, content: bytes) -> NewObject:
    """Put a file into the spool, as an upload does."""
    source = storage.spool / secrets.token_hex(8)
    source.write_bytes(content)
    return NewObject(stored, source, hashlib.sha256(content).hexdigest())


async def put(storage: Storage, stored: StoredObject, content: bytes, *, replaces: bool = False) -> Receipt:
    """Store one object, or raise its outcome. `replaces` says that its asset has a file already."""
    verb = storage.replace if replaces and isinstance(storage, ReplacesInPlace) else storage.put
    [outcome] = await verb([new(storage, stored, content)])
    if not isinstance(outcome, Receipt):
        assert isinstance(outcome, Exception)
        raise outcome
    return outcome


async def streamed(storage: Storage, stored: StoredObject, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(stored, start, length)])


def held_open(storage: Storage) -> set[str]:
    """Return the files of a storage in a folder that this process has open."""
    folder, held = storage.spool.parent, set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(descriptor.readlink())
    return {str(path.relative_to(folder)) for path in held if path.is_relative_to(folder)}


async def listed(storage: Storage, prefix: str = "") -> dict[str, int]:
    return {one.key: one.size async for one in storage.list(prefix)}


__all__ = ["ObjectExists", "an_object", "listed", "new", "put", "streamed"]
