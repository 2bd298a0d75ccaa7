"""Where the older service has its files: a folder, or a bucket of S3. It is only read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from services.core.storage.attempts import resumed
from services.core.storage.s3.reader import Reader
from services.core.storage.s3.storage import S3Storage

CHUNK = 256 * 1024


class OlderStorage(Protocol):
    """The verbs of a source. The keys are as they are there: some begin with a slash."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def sizes(self) -> dict[str, int]:
        """Return all keys, each with its bytes; raises StorageDown, BucketMissing and OSError."""
        ...

    def chunks(self, key: str) -> AsyncIterator[bytes]:
        """Yield the bytes of an object; raises what `sizes` raises."""
        ...


class Folder:
    """Files in a folder. Links are followed only if the folder itself is one."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def open(self) -> None:
        """There is nothing to open."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def sizes(self) -> dict[str, int]:
        return await asyncio.to_thread(self._sizes)

    async def chunks(self, key: str) -> AsyncIterator[bytes]:
        with (self._root / key).open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk

    def _sizes(self) -> dict[str, int]:
        if not self._root.is_dir():
            raise NotADirectoryError(20, "not a folder", str(self._root))
        return {
            path.relative_to(self._root).as_posix(): path.stat().st_size
            for path in self._root.rglob("*")
            if path.is_file() and not path.is_symlink()
        }


class Bucket(S3Storage):
    """Objects of a bucket, under any keys."""

    async def sizes(self) -> dict[str, int]:
        return {found.key: found.size async for found in self.list()}

    def chunks(self, key: str) -> AsyncIterator[bytes]:
        # `stream` takes no key that begins with a slash.
        reader = Reader(self._client, self._bucket, key, self._policy.deadline)
        return resumed(self._policy, reader.open_at, 0, None)
