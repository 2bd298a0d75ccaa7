"""Where the older service has its files: a folder, or a bucket of S3. It is only read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from services.core.storage.attempts import Policy, resumed
from services.core.storage.s3.client import connect
from services.core.storage.s3.reader import Reader
from services.core.storage.s3.upload import ask
from services.core.storage.settings import StorageSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

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


class Bucket:
    """Objects of a bucket, under any keys. (Storages of TADA have no keys that begin with a slash.)"""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings, self._bucket = settings, settings.s3_bucket_name
        self._policy = Policy(settings.storage_retries, settings.storage_deadline_seconds)
        self._resources = AsyncExitStack()
        self._client: S3Client

    async def open(self) -> None:
        self._client = await self._resources.enter_async_context(connect(self._settings))

    async def close(self) -> None:
        await self._resources.aclose()

    async def sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        following: dict[str, Any] = {}
        while True:
            page = await ask(
                self._policy,
                lambda: self._client.list_objects_v2(Bucket=self._bucket, **following),  # noqa: B023
            )
            found |= {one["Key"]: one["Size"] for one in page.get("Contents", [])}
            if not page.get("IsTruncated"):
                return found
            following = {"ContinuationToken": page["NextContinuationToken"]}

    def chunks(self, key: str) -> AsyncIterator[bytes]:
        reader = Reader(self._client, self._bucket, key, self._policy.deadline)
        return resumed(self._policy, reader.open_at, 0, None)
