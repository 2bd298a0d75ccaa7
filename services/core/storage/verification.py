"""Stored bytes of an entry, checked against the size and the SHA-256 that the catalog has of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial

from services.core.assets.entries import Entry
from services.core.assets.stored_object import StoredObject
from services.core.digests import checked
from services.core.errors import SignatureMismatch
from services.core.storage.base import Storage


async def read_verified(storage: Storage, entry: Entry) -> bytes:
    """Return the bytes of an entry; raises ObjectMissing and SignatureMismatch."""
    if storage.read_in_thread is None:
        content = await storage.read(entry.stored)
        return await asyncio.to_thread(verified, entry, content)
    return await asyncio.to_thread(read_verified_in_thread, storage.read_in_thread, entry)


def read_verified_in_thread(read: Callable[[StoredObject], bytes], entry: Entry) -> bytes:
    """Do the same in a thread that may wait."""
    return verified(entry, read(entry.stored))


def verified(entry: Entry, content: bytes) -> bytes:
    """Return the bytes if they are those of the entry; raises SignatureMismatch."""
    if hashlib.sha256(content).hexdigest() != entry.signature:
        raise _mismatch(entry)
    return content


async def verify(storage: Storage, entry: Entry) -> None:
    """Read a whole object; raises ObjectMissing and SignatureMismatch."""
    async for _ in stream_verified(storage, entry):
        pass


async def verify_size(storage: Storage, entry: Entry) -> None:
    """Check the size of an object without reading it; raises ObjectMissing and SignatureMismatch."""
    if await storage.size(entry.stored) != entry.size:
        raise _mismatch(entry)


def stream_verified(storage: Storage, entry: Entry) -> AsyncIterator[bytes]:
    """Yield an object that is too large to hold, its end only if all of it is what the catalog expects.

    Raises ObjectMissing at the first chunk, and SignatureMismatch in place of the last one. A receiver that knows the
    full length, such as a cache, sees that the answer is cut and throws it away.
    """
    return checked(storage.stream(entry.stored), lambda: entry.signature, partial(_mismatch, entry), entry.size)


def _mismatch(entry: Entry) -> SignatureMismatch:
    return SignatureMismatch(f"The stored bytes of {entry.unique_name} are not those of the catalog.")
