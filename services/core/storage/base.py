"""What every storage backend promises.

A stored object is written once under its key and never overwritten; a new version of an asset is a new object. So a
reader that holds an entry reads the bytes of that entry or none, never half of each. One backend cannot promise that:
see `Storage.in_place`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.core.assets.stored_object import StoredObject
from services.core.errors import TadaError


class ObjectExists(Exception):
    """The key is taken: nothing was written."""


class ObjectMissing(Exception):
    """The storage says that it has no such object (a storage that is down raises StorageDown instead)."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """A file to be stored. `digest` is its SHA-256 (hex); `replaces` says that its asset has a file already."""

    object: StoredObject
    source: Path
    digest: str
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """An object that has been stored durably. `version` is what the backend calls it, None if it does not say."""

    version: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing."""

    key: str
    size: int


class Storage(Protocol):
    """The verbs of a backend. All raise errors.StorageDown when the storage cannot be asked, or refuses to answer."""

    @property
    def in_place(self) -> bool:
        """Say whether the next version of an asset takes the place of the last one, under the same key."""
        ...

    @property
    def spool(self) -> Path:
        """A local folder for files that are still coming in; `store` takes them from there."""
        ...

    def prepare(self) -> None:
        """Make the spool; the service that writes calls it at its start."""
        ...

    async def open(self) -> None:
        """Make what lasts as long as the service; does not fail when the storage is down."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...

    async def store(self, new: Sequence[NewObject]) -> list[Receipt | ObjectExists | TadaError]:
        """Store files durably and remove their sources; return what became of each, in order.

        An object that is there already is ObjectExists and stays as it is, unless the backend works `in_place`.
        """
        ...

    async def read(self, stored: StoredObject) -> bytes:
        """Return a whole object; raises ObjectMissing."""
        ...

    @property
    def read_in_thread(self) -> Callable[[StoredObject], bytes] | None:
        """The same for whoever has a thread that may wait; None when the object comes over a network."""
        ...

    def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield an object, or `length` bytes of it from `start`, in chunks; raises ObjectMissing at the first one."""
        ...

    async def size(self, stored: StoredObject) -> int:
        """Return the bytes of an object without reading them; raises ObjectMissing."""
        ...

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        """Remove objects; one that is not there is no error."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        """Yield all objects whose keys begin with `prefix`, in no particular order; raises ListingUnsupported."""
        ...

    async def check(self) -> None:
        """Raise StorageDown unless the storage can be written to."""
        ...


class ListingUnsupported(Exception):
    """The backend cannot say what it keeps; it can only be asked for one object at a time."""
