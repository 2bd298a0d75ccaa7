"""Stored bytes on their way out: never others than those the catalog has signed."""

import hashlib
import hmac
from collections.abc import AsyncIterator

from services.core.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.storage import Storage

IN_MEMORY = 8 * 1024 * 1024
"""Bytes; larger objects are streamed. What libvips renders is read whole in any case."""


async def read_verified(storage: Storage, entry: Entry) -> bytes:
    """Return the bytes of an entry; raises ObjectMissing and SignatureMismatch."""
    content = await storage.read(entry.storage_key)
    _check(entry, hashlib.sha256(content).hexdigest())
    return content


async def stream_verified(storage: Storage, entry: Entry) -> AsyncIterator[bytes]:
    """Yield the bytes of an entry, the last chunk only once all of them are verified.

    A mismatch raises SignatureMismatch in mid-body: the answer stays shorter than it said, and no cache keeps it.
    """
    digest = hashlib.sha256()
    held = b""
    async for chunk in storage.stream(entry.storage_key):
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    _check(entry, digest.hexdigest())
    yield held


async def verify(storage: Storage, entry: Entry) -> None:
    """Read the whole object once, before a part of it is sent."""
    async for _ in stream_verified(storage, entry):
        pass


def _check(entry: Entry, signature: str) -> None:
    if not hmac.compare_digest(signature, entry.signature):
        raise SignatureMismatch(f"The stored bytes of {entry.unique_name} are not those of the catalog.")
