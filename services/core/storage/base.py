"""What every storage backend guarantees, and what only some can do.

A stored object is written once under its key and never overwritten; a new version of an asset is a new object. So a
reader with an entry gets the bytes of that entry or none, never a mixture. A backend that cannot guarantee that has the
ability `ReplacesInPlace`.

An ability is a small Protocol. A caller tests for it (`isinstance(storage, ReplacesInPlace)`); a backend that does not
have it does not mention it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeGuard, runtime_checkable

from services.core.assets.stored_object import StoredObject
from services.core.errors import TadaError


class ObjectExists(Exception):
    """The key is taken: nothing was written."""


class ObjectMissing(Exception):
    """The storage says that it has no such object (a storage that is down raises StorageDown instead)."""


class ListingUnsupported(Exception):
    """The backend cannot list what it keeps; it can only be asked for one object at a time."""


MARK = ".tada-storage"
"""The key of a storage's mark. No asset can have it."""
MARK_TEXT = "This marks a storage of TADA. Keep it, and copy it together with the files.\n"


def mark_with(storage_id: str) -> bytes:
    return f"{storage_id}\n{MARK_TEXT}".encode()


def id_in(mark: bytes) -> str:
    """Return the id in a mark, which is its first line."""
    return mark.split(b"\n", 1)[0].decode("latin-1").strip()


@dataclass(frozen=True, slots=True)
class NewObject:
    """A file to be stored. `digest` is its SHA-256 (hex)."""

    object: StoredObject
    source: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """An object that has been stored durably. `version` is the backend's name for it, None if it has none."""

    version: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing. `size` is in bytes."""

    key: str
    size: int


Outcome = Receipt | ObjectExists | TadaError
"""The result of storing one file."""


@runtime_checkable
class Storage(Protocol):
    """The verbs of a backend. All raise errors.StorageDown if the storage cannot be reached, or refuses to answer."""

    @property
    def spool(self) -> Path:
        """The local folder from which `put` takes files; see services/core/spool.py."""
        ...

    async def open(self) -> None:
        """Open what is kept for the lifetime of the service; does not fail if the storage is down."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        """Store files durably and remove their sources; return one outcome for each, in order.

        An object that exists already is ObjectExists and stays as it is. See `each` for a backend that stores files one
        by one.
        """
        ...

    async def read(self, stored: StoredObject) -> bytes:
        """Return a whole object; raises ObjectMissing."""
        ...

    def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield an object, or `length` bytes of it from `start`, in chunks; raises ObjectMissing at the first one.

        A reader that may stop before the end closes it (`aclosing`): that frees the file or the connection at once.
        """
        ...

    async def size(self, stored: StoredObject) -> int:
        """Return the size of an object in bytes without reading it; raises ObjectMissing."""
        ...

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        """Remove objects; one that is not there is not an error."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        """Yield all objects whose keys begin with `prefix`, in any order; raises ListingUnsupported."""
        ...

    async def ready(self) -> None:
        """Raise StorageDown unless the storage can be written to."""
        ...


@runtime_checkable
class ReplacesInPlace(Protocol):
    """The next version of an asset replaces the last one, under the same key."""

    async def replace(self, new: Sequence[NewObject]) -> list[Outcome]:
        """Store files like `Storage.put`; each replaces the current file of its asset."""
        ...


@runtime_checkable
class Marked(Protocol):
    """The storage keeps a mark: a small object with an id that identifies the storage. No listing shows it."""

    async def mark(self) -> str | None:
        """Return the id of the mark; None if there is no mark, or no storage."""
        ...

    async def make_mark(self, storage_id: str) -> str:
        """Create the storage if it is missing, and its mark; return the id. If there is a mark, it is the id of that
        mark."""
        ...


@runtime_checkable
class ReadsInThread(Protocol):
    """The objects do not come over a network, so a thread may wait for them."""

    def read_in_thread(self, stored: StoredObject) -> bytes:
        """Return a whole object like `Storage.read`."""
        ...


def reads_in_thread(storage: object) -> TypeGuard[ReadsInThread]:
    """Test for ReadsInThread where it is done for each request: `isinstance` takes 20 µs for a Protocol."""
    return issubclass(type(storage), ReadsInThread)


async def each(new: Sequence[NewObject], put: Callable[[NewObject], Awaitable[Receipt]]) -> list[Outcome]:
    """Store files one by one, at the same time; an ObjectExists or TadaError that `put` raises is the outcome."""

    async def one(file: NewObject) -> Outcome:
        try:
            return await put(file)
        except (ObjectExists, TadaError) as error:
            return error

    return list(await asyncio.gather(*(one(file) for file in new)))
