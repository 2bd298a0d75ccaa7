"""Stored bytes on their way out: never others than those the catalog has signed."""

import asyncio
import hashlib
import hmac

from services.core.entries import Entry
from services.core.errors import SignatureMismatch
from services.core.storage import Storage

IN_MEMORY = 8 * 1024 * 1024
"""Bytes; larger objects are streamed. What libvips renders is read whole in any case."""


async def read_verified(storage: Storage, entry: Entry) -> bytes:
    """Return the bytes of an entry; raises ObjectMissing and SignatureMismatch."""
    content = await storage.read(entry.storage_key)
    digest = await asyncio.to_thread(hashlib.sha256, content)
    _check(entry, digest.hexdigest())
    return content


async def verify(storage: Storage, entry: Entry) -> None:
    """Read a whole object before any of it is sent; raises ObjectMissing and SignatureMismatch.

    Objects are written once, so what has been verified is what is then streamed.
    """
    digest = hashlib.sha256()
    async for chunk in storage.stream(entry.storage_key):
        digest.update(chunk)
    _check(entry, digest.hexdigest())


def _check(entry: Entry, signature: str) -> None:
    if not hmac.compare_digest(signature, entry.signature):
        raise SignatureMismatch(f"The stored bytes of {entry.unique_name} are not those of the catalog.")
