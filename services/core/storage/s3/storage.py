"""Any S3-compatible store: one client for the life of the service, one bucket, keys as they are."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from services.core.assets.stored_object import StoredObject
from services.core.errors import BucketMissing, StorageDown, StorageRefused
from services.core.spool import spool_of
from services.core.storage.attempts import Interrupted, Policy, resumed
from services.core.storage.base import (
    MARK,
    Listed,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Outcome,
    Receipt,
    each,
    id_in,
    mark_with,
)
from services.core.storage.s3.client import connect
from services.core.storage.s3.errors import NOT_S3, named_code
from services.core.storage.s3.reader import CHUNK, Reader, size_of
from services.core.storage.s3.upload import Uploader, ask, given
from services.core.storage.settings import StorageSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

Result = TypeVar("Result")

STORES_AT_ONCE = 8
"""Files of one call, and of all calls of a process together, that are stored at the same time."""
CHECKS = ".tada-check/"
"""Where `ready` writes; no asset can have such a key."""
_LOOK_EVERY = 3600.0
"""Seconds between two checks that look for abandoned uploads as well."""
_DELETES_AT_ONCE = 1000  # S3 takes no more.


class S3Storage:
    """Objects in a bucket, by their keys. The spool is a local folder."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._bucket = settings.s3_bucket_name
        self._policy = Policy(settings.storage_retries, settings.storage_deadline_seconds)
        self._check_key = f"{CHECKS}{secrets.token_hex(8)}"
        self._look_again = 0.0
        self._may_make = True
        """Whether a missing bucket may be created. A bucket that existed has lost its files, and is not created
        again."""
        self._resources = AsyncExitStack()
        self._storing = asyncio.Semaphore(STORES_AT_ONCE)
        self._client: S3Client
        self._uploader: Uploader
        self.spool = spool_of(settings.data_folder_path)

    async def open(self) -> None:
        self._client = await self._resources.enter_async_context(connect(self._settings))
        self._uploader = Uploader(self._client, self._bucket, self._policy)
        self._resources.push_async_callback(self._uploader.close)

    async def close(self) -> None:
        await self._resources.aclose()

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await each(new, self._put)

    async def _put(self, new: NewObject) -> Receipt:
        _key(new.object)
        async with self._storing:
            await self._in_bucket(lambda: self._uploader.create(new))
        await asyncio.to_thread(new.source.unlink, missing_ok=True)
        return Receipt()

    async def read(self, stored: StoredObject) -> bytes:
        key = _key(stored)

        async def whole() -> bytes:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"] as body:
                given(answer.get("ETag"))
                return b"".join([chunk async for chunk in body.iter_chunks(CHUNK)])

        return await self._ask(whole)

    def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        reader = Reader(self._client, self._bucket, _key(stored), self._policy.deadline)
        return resumed(self._policy, reader.open_at, start, length)

    async def size(self, stored: StoredObject) -> int:
        key = _key(stored)
        return await self._ask(lambda: size_of(self._client, self._bucket, key))

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        keys = [_key(one) for one in stored]
        if len(keys) == 1:
            await self._ask(lambda: self._client.delete_object(Bucket=self._bucket, Key=keys[0]))
            return
        for first in range(0, len(keys), _DELETES_AT_ONCE):
            await self._delete(keys[first : first + _DELETES_AT_ONCE])

    async def _delete(self, keys: list[str]) -> None:
        async def delete() -> None:
            answer = await self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys]}
            )
            errors = answer.get("Errors", [])
            if not errors and not answer.get("Deleted"):
                raise Interrupted(NOT_S3)
            for error in errors:
                code = error.get("Code", "")
                if code != "NoSuchKey":
                    raise named_code(code, 403 if code == "AccessDenied" else 500)

        await self._ask(delete)

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        following: dict[str, Any] = {}
        while True:
            page = await self._ask(
                lambda: self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **following)  # noqa: B023
            )
            if "IsTruncated" not in page:
                # A server that answers 200 to everything, not an empty bucket.
                raise StorageDown(f"The storage cannot be listed: {NOT_S3}.")
            for found in page.get("Contents", []):
                if not found["Key"].startswith((CHECKS, MARK)):
                    yield Listed(found["Key"], found["Size"])
            if not page["IsTruncated"]:
                return
            following = {"ContinuationToken": page["NextContinuationToken"]}

    async def mark(self) -> str | None:
        try:
            found = id_in(await self.read(StoredObject(MARK)))
        except (ObjectMissing, BucketMissing):
            return None
        self._may_make = False
        return found

    async def make_mark(self, storage_id: str) -> str:
        async def write() -> None:
            answer = await self._client.put_object(
                Bucket=self._bucket, Key=MARK, Body=mark_with(storage_id), IfNoneMatch="*"
            )
            given(answer.get("ETag"))

        self._may_make = True
        with suppress(ObjectExists):
            await self._in_bucket(lambda: self._ask(write))
        return await self.mark() or storage_id

    async def ready(self) -> None:
        async def write() -> None:
            answer = await self._client.put_object(Bucket=self._bucket, Key=self._check_key, Body=b"writable")
            given(answer.get("ETag"))

        await self._in_bucket(lambda: self._ask(write))
        await self._ask(lambda: self._client.delete_object(Bucket=self._bucket, Key=self._check_key))
        if time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + _LOOK_EVERY
            await self._uploader.abort_abandoned()

    async def _in_bucket(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Do something that writes; create the bucket first if it does not exist and never existed."""
        try:
            await operation()
        except BucketMissing:
            if not self._may_make:
                raise
            await self._make_bucket()
            await operation()

    async def _make_bucket(self) -> None:
        # Amazon's first region must not be named.
        region = self._settings.s3_region
        place: dict[str, Any] = {}
        if region != "us-east-1":
            place = {"CreateBucketConfiguration": {"LocationConstraint": region}}

        async def make() -> None:
            try:
                await self._client.create_bucket(Bucket=self._bucket, **place)
            except ClientError as error:
                # Another replica was faster. (If the bucket belongs to a stranger, it refuses the next request.)
                if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise

        try:
            await self._ask(make)
        except StorageRefused as error:
            raise StorageRefused(
                "The storage has no such bucket, and the key may not create it: check S3_BUCKET_NAME, or create the "
                "bucket."
            ) from error

    async def _ask(self, operation: Callable[[], Awaitable[Result]]) -> Result:
        return await ask(self._policy, operation)


def _key(stored: StoredObject) -> str:
    if not stored.key or any(part in ("", ".", "..") for part in stored.key.split("/")):
        raise ValueError(f"not a storage key: {stored.key!r}")
    return stored.key
