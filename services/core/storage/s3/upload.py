"""Uploads files to S3: each object is created or refused, never overwritten, and never completely in memory.

Every object carries the token of its write in its metadata. So if an answer is lost and the key is taken at the next
attempt, the writer can see whether its own first attempt took it.
"""

import asyncio
import base64
import hashlib
import io
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from services.core.assets import media_types
from services.core.errors import StorageDown, TadaError
from services.core.observing import logs
from services.core.storage.attempts import Interrupted, Policy, attempt
from services.core.storage.base import NewObject, ObjectExists
from services.core.storage.s3.errors import NOT_S3, UploadGone, errors_named

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger(__name__)

Result = TypeVar("Result")

PART = 5 * 1024 * 1024
"""Bytes of one request; larger files are sent in parts of that size. S3 takes no smaller parts, and at most 10 000 of
them: files of 50 GB."""
ABANDONED_AFTER = timedelta(days=1)
"""The age from which an upload in parts has no writer any more: the writer died, or the storage failed before the
writer could clean up."""
_CHUNK = 256 * 1024
_TOKEN = "tada-write"  # noqa: S105 - identifies the writer, not a secret
_PATIENCE = 2.0
"""Seconds that a failed upload, and the end of the service, wait for parts to be removed."""


class FilePart(io.RawIOBase):
    """A part of a file as a file: the client reads it from the disk while it sends it."""

    def __init__(self, source: Path, start: int, length: int) -> None:
        super().__init__()
        self._file = source.open("rb", buffering=0)
        self._start, self._length, self._at = start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        wanted = memoryview(buffer)[: max(0, self._length - self._at)]
        count = os.preadv(self._file.fileno(), [wanted], self._start + self._at)
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class Uploader:
    """Stores files under keys of their own; many at once."""

    def __init__(self, client: "S3Client", bucket: str, policy: Policy) -> None:
        self._client, self._bucket, self._policy = client, bucket, policy
        self._giving_up: set[asyncio.Task[None]] = set()

    async def create(self, new: NewObject) -> None:
        """Raise ObjectExists if the key is taken, StorageDown if the storage fails."""
        key, media_type = new.object.key, new.object.media_type or media_types.BYTES
        try:
            size = (await asyncio.to_thread(new.source.stat)).st_size
            if size <= PART:
                await self._put(key, media_type, new, size)
            else:
                await self._put_in_parts(key, media_type, new.source, size)
        except (OSError, UploadGone) as error:
            raise StorageDown("The upload was interrupted.", "Send it again.") from error

    async def abort_abandoned(self) -> None:
        """Remove the parts of uploads that nobody will complete: no listing shows them, but they cost money."""
        before = datetime.now(UTC) - ABANDONED_AFTER
        try:
            for key, upload, begun in [found async for found in self._unfinished()]:
                if begun < before:
                    await self._ask(partial(self._abort_once, key, upload))
                    logs.event(log, logging.INFO, "upload_abandoned", storage_key=key, begun=begun.isoformat())
        except TadaError as error:
            logs.event(log, logging.WARNING, "uploads_abandoned_stay", error=error.message)

    async def _unfinished(self) -> AsyncIterator[tuple[str, str, datetime]]:
        """Yield key, id and beginning of all uploads in parts that have not ended."""
        following: dict[str, Any] = {}
        while True:
            page = await self._ask(
                lambda: self._client.list_multipart_uploads(Bucket=self._bucket, **following)  # noqa: B023
            )
            for found in page.get("Uploads", []):
                yield found["Key"], found["UploadId"], found["Initiated"]
            if not page.get("IsTruncated"):
                return
            following = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    async def _abort_once(self, key: str, upload: str) -> None:
        with suppress(UploadGone), errors_named():
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    async def close(self) -> None:
        """Wait a moment for failed uploads to be cleaned up; `abort_abandoned` finds the rest later."""
        if self._giving_up:
            _, left = await asyncio.wait(self._giving_up, timeout=_PATIENCE)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _put(self, key: str, media_type: str, new: NewObject, size: int) -> None:
        token = secrets.token_hex(16)
        digest = base64.b64encode(bytes.fromhex(new.digest)).decode()

        async def put() -> None:
            with FilePart(new.source, 0, size) as body:
                answer = await self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,  # type: ignore[arg-type] # its type is that of another kind of files
                    ContentType=media_type,
                    ChecksumSHA256=digest,
                    Metadata={_TOKEN: token},
                    IfNoneMatch="*",
                )
            given(answer.get("ETag"))

        try:
            await self._ask(put)
        except ObjectExists:
            if await self._find(key) != (token, size):
                raise

    async def _put_in_parts(self, key: str, media_type: str, source: Path, size: int) -> None:
        if await self._find(key) is not None:
            raise ObjectExists(key)
        token = secrets.token_hex(16)
        beginning = asyncio.create_task(self._begin(key, media_type, token))
        try:
            # Shielded: a cancellation must not leave an upload that has begun and whose id is not known.
            upload = await asyncio.shield(beginning)
            parts = [
                await self._put_part(key, upload, number, source, start, min(PART, size - start))
                for number, start in enumerate(range(0, size, PART), start=1)
            ]
            await self._complete(key, upload, parts)
            # Not every server decides between two simultaneous writers: the object that is there now has won.
            if await self._find(key) != (token, size):
                raise ObjectExists(key)
        except BaseException:
            await self._give_up(key, beginning)
            raise

    async def _begin(self, key: str, media_type: str, token: str) -> str:
        async def begin() -> str:
            answer = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType=media_type,
                ChecksumAlgorithm="SHA256",
                Metadata={_TOKEN: token},
            )
            return given(answer.get("UploadId"))

        return await self._ask(begin)

    async def _put_part(
        self, key: str, upload: str, number: int, source: Path, start: int, length: int
    ) -> "CompletedPartTypeDef":
        digest = await asyncio.to_thread(_digest, source, start, length)

        async def put() -> str:
            with FilePart(source, start, length) as body:
                answer = await self._client.upload_part(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload,
                    PartNumber=number,
                    Body=body,  # type: ignore[arg-type] # its type is that of another kind of files
                    ChecksumSHA256=digest,
                )
            return given(answer.get("ETag"))

        return {"PartNumber": number, "ETag": await self._ask(put), "ChecksumSHA256": digest}

    async def _complete(self, key: str, upload: str, parts: "list[CompletedPartTypeDef]") -> None:
        """Make the object from its parts. When this returns, the object exists, but it may be another writer's."""

        async def complete() -> None:
            answer = await self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
            given(answer.get("ETag"))

        # An attempt gets these errors if the one before succeeded and its answer was lost.
        with suppress(ObjectExists, UploadGone):
            await self._ask(complete)

    async def _find(self, key: str) -> tuple[str, int] | None:
        """Return the token and the size of the object under a key."""

        async def head() -> tuple[str, int] | None:
            try:
                answer = await self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
            return answer["Metadata"].get(_TOKEN, ""), answer["ContentLength"]

        return await self._ask(head)

    async def _give_up(self, key: str, beginning: "asyncio.Task[str]") -> None:
        """Remove the parts of an upload, also when this task is cancelled once more."""
        aborting = asyncio.create_task(self._abort(key, beginning))
        self._giving_up.add(aborting)
        aborting.add_done_callback(self._giving_up.discard)
        # Usually done at once; if the storage is down, it continues after the answer.
        await asyncio.wait([aborting], timeout=_PATIENCE)

    async def _abort(self, key: str, beginning: "asyncio.Task[str]") -> None:
        try:
            upload = await beginning
        except TadaError:
            return  # It has not begun.

        try:
            await self._ask(partial(self._abort_once, key, upload))
        except TadaError as error:
            logs.event(log, logging.WARNING, "upload_left_open", storage_key=key, upload=upload, error=error.message)

    async def _ask(self, operation: Callable[[], Awaitable[Result]]) -> Result:
        return await ask(self._policy, operation)


async def ask(policy: Policy, operation: Callable[[], Awaitable[Result]]) -> Result:
    """Return what a request to S3 returns, repeated by the policy; raises TADA's errors."""

    async def asked() -> Result:
        with errors_named():
            return await operation()

    return await attempt(policy, asked)


def given(value: str | None) -> str:
    """Return a field that S3 always answers; a server that answers 200 to everything has stored nothing."""
    if not value:
        raise Interrupted(NOT_S3)
    return value


def _digest(source: Path, start: int, length: int) -> str:
    """Return the SHA-256 of a part of a file as S3 writes it. (S3 wants one for each part, not that of the file.)"""
    digest = hashlib.sha256()
    with FilePart(source, start, length) as part:
        while chunk := part.read(_CHUNK):
            digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()
