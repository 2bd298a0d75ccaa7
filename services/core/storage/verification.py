"""Reads stored bytes of an entry and checks them against the size and the SHA-256 in the catalog."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from functools import partial

from services.core.assets.entries import Entry
from services.core.digests import checked
from services.core.errors import SignatureMismatch
from services.core.storage.base import ReadsInThread, Storage, reads_in_thread


async def read_verified(storage: Storage, entry: Entry) -> bytes:
    """Return the bytes of an entry; raises ObjectMissing and SignatureMismatch."""
    if reads_in_thread(storage):
        return await asyncio.to_thread(_read_in_thread, storage, entry)
    return await asyncio.to_thread(verified, entry, await storage.read(entry.stored))


def _read_in_thread(storage: ReadsInThread, entry: Entry) -> bytes:
    return verified(entry, storage.read_in_thread(entry.stored))


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


def stream_verified(storage: Storage, entry: Entry) -> AsyncGenerator[bytes, None]:
    """Yield an object that is too large for memory. Its end is yielded only if the whole object is what the catalog
    expects.

    Raises ObjectMissing at the first chunk, and SignatureMismatch in place of the last one. A receiver that knows the
    full length, such as a cache, sees that the answer is cut and throws it away.
    """
    return checked(storage.stream(entry.stored), lambda: entry.signature, partial(_mismatch, entry), entry.size)


def _mismatch(entry: Entry) -> SignatureMismatch:
    return SignatureMismatch(f"The stored bytes of {entry.unique_name} do not match the catalog.")
