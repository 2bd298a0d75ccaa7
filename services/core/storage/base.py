"""What every storage backend promises.

A stored object is written once under its key and never overwritten; a new version of an asset is a new object. So a
reader that holds an entry reads the bytes of that entry or none, never half of each.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class ObjectExists(Exception):
    """The key is taken: nothing was written."""


class ObjectMissing(Exception):
    """The storage says that it has no such object (a storage that is down raises StorageDown instead)."""


class Storage(Protocol):
    """The verbs of a backend. All raise errors.StorageDown when the storage cannot be asked."""

    @property
    def spool(self) -> Path:
        """A local folder for files that are still coming in; `create` takes them from there."""
        ...

    def prepare(self) -> None:
        """Make what has to be there before the first write; the service that writes calls it at its start."""
        ...

    async def create(self, key: str, source: Path, media_type: str) -> None:
        """Store the file `source` durably under a new key and remove `source`; raises ObjectExists."""
        ...

    async def read(self, key: str) -> bytes:
        """Return a whole object; raises ObjectMissing."""
        ...

    def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield an object, or `length` bytes of it from `start`, in chunks; raises ObjectMissing at the first one."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    async def check(self) -> None:
        """Raise StorageDown unless the storage can be written to."""
        ...
