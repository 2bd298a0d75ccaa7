"""Reads one object from S3, in several answers if needed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, FlexibleChecksumError

from services.core.errors import StorageDown
from services.core.storage.base import ObjectExists
from services.core.storage.s3.errors import BeyondEnd, errors_named
from services.core.storage.s3.upload import given

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

CHUNK = 256 * 1024


class Reader:
    """One object while it is read, in several requests if connections break."""

    def __init__(self, client: "S3Client", bucket: str, key: str, deadline: float) -> None:
        self._client, self._bucket, self._key, self._deadline = client, bucket, key, deadline
        self._etag: str | None = None

    async def open_at(self, start: int, length: int | None) -> AsyncGenerator[bytes, None]:
        """Yield the object from `start`, always of the same version; nothing after its end."""
        if length == 0:
            with errors_named():
                await size_of(self._client, self._bucket, self._key)
            return
        wanted: dict[str, Any] = {}
        if start or length is not None:
            wanted["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        if self._etag:
            wanted["IfMatch"] = self._etag
        try:
            with errors_named():
                async with asyncio.timeout(self._deadline):
                    answer = await self._client.get_object(Bucket=self._bucket, Key=self._key, **wanted)
                async with answer["Body"] as body:
                    self._etag = given(answer.get("ETag"))
                    if "Range" in wanted and not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
                        raise StorageDown("The storage does not send the requested range.")
                    try:
                        while chunk := await body.read(CHUNK):
                            yield chunk
                    except FlexibleChecksumError as error:
                        # Known only at the end of the body: too late to repeat what has been sent.
                        raise StorageDown("The storage sent other bytes than were stored.") from error
        except BeyondEnd:
            return
        except ObjectExists as error:
            raise StorageDown("The stored file was changed while it was read.") from error


async def size_of(client: "S3Client", bucket: str, key: str) -> int:
    """Return the size of an object in bytes; raises errors of the client."""
    try:
        answer = await client.head_object(Bucket=bucket, Key=key)
        given(answer.get("ETag"))
        return answer["ContentLength"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    # An answer to HEAD has no body: it cannot state whether the object or the bucket is missing.
    found = await client.get_object(Bucket=bucket, Key=key)
    found["Body"].close()
    given(found.get("ETag"))
    return found["ContentLength"]
