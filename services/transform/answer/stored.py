"""Stored bytes on their way out: never others than those the catalog has signed."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable

from services.core.assets.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.storage import Storage, StoredObject

IN_MEMORY = 8 * 1024 * 1024
"""Bytes; larger objects are streamed. What libvips renders is read whole in any case."""


async def read_verified(storage: Storage, entry: Entry) -> bytes:
    """Return the bytes of an entry; raises ObjectMissing and SignatureMismatch."""
    if storage.read_in_thread is None:
        content = await storage.read(entry.stored)
        return await asyncio.to_thread(verified, entry, content)
    return await asyncio.to_thread(read_verified_in_thread, storage.read_in_thread, entry)


def read_verified_in_thread(read: Callable[[StoredObject], bytes], entry: Entry) -> bytes:
    """The same where waiting holds nobody up."""
    return verified(entry, read(entry.stored))


def verified(entry: Entry, content: bytes) -> bytes:
    """Return the bytes if they are those that the catalog has signed; raises SignatureMismatch."""
    _check(entry, hashlib.sha256(content).hexdigest())
    return content


async def verify(storage: Storage, entry: Entry) -> None:
    """Read a whole object before a part of it is sent; raises ObjectMissing and SignatureMismatch."""
    async for _ in stream_verified(storage, entry):
        pass


async def verify_size(storage: Storage, entry: Entry) -> None:
    """Ask whether an object is there, as large as it should be; raises ObjectMissing and SignatureMismatch."""
    if await storage.size(entry.stored) != entry.size:
        raise _mismatch(entry)


async def stream_verified(storage: Storage, entry: Entry) -> AsyncIterator[bytes]:
    """Yield an object that is too large to hold, its end only when all of it is what the catalog has signed.

    Raises ObjectMissing at the first chunk, and SignatureMismatch in place of the last one: whoever has been promised
    its full length, a cache above all, sees that the answer is cut and throws it away.
    """
    digest, size, held = hashlib.sha256(), 0, b""
    async for chunk in storage.stream(entry.stored):
        size += len(chunk)
        if size > entry.size:
            break
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    if size != entry.size:
        raise _mismatch(entry)
    _check(entry, digest.hexdigest())
    yield held


def _check(entry: Entry, signature: str) -> None:
    if not hmac.compare_digest(signature, entry.signature):
        raise _mismatch(entry)


def _mismatch(entry: Entry) -> SignatureMismatch:
    return SignatureMismatch(f"The stored bytes of {entry.unique_name} are not those of the catalog.")
