"""What an error of the S3 client means to TADA.

Nothing of what the server or the client says is passed on but its code: their texts may hold addresses and names of
keys, and these messages reach the public.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError as HttpError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from services.core.errors import StorageDown, StorageRefused
from services.core.storage.attempts import Interrupted
from services.core.storage.base import ObjectExists, ObjectMissing

NOT_S3 = "what answers at S3_ENDPOINT does not speak S3"
_DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
_PASSING = frozenset(
    {
        *("SlowDown", "RequestTimeout", "IncompleteBody", "RequestTimeTooSlow", "TooManyRequests"),
        # Another write to the key is under way; its outcome decides the next attempt.
        *("ConditionalRequestConflict", "OperationAborted"),
    }
)
_CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired", "ExpiredToken"})
_ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"})


class BucketMissing(StorageDown):
    """There is no such bucket. Where files are read that is a wrong setting, not a lost file."""

    def __init__(self) -> None:
        super().__init__("The storage has no such bucket: check S3_BUCKET_NAME and S3_REGION.")


class BeyondEnd(Exception):
    """The object is there, and ends before the range that was asked for begins."""


class UploadGone(StorageDown):
    """The multipart upload has ended, or never was."""

    def __init__(self) -> None:
        super().__init__("The storage knows nothing of the upload any more.", "Send it again.")


def named(error: Exception) -> Exception:
    """Return the error to raise in place of one of the S3 client; one that is none of its own comes back as it is.

    ObjectMissing, ObjectExists, BeyondEnd: the server's word on one object. Interrupted: it may work the next time.
    StorageDown: it will not, until somebody acts.
    """
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return named_code(str(error.response.get("Error", {}).get("Code", "")), status)
    if isinstance(error, ParamValidationError):
        return error
    if isinstance(error, SSLError):
        return StorageDown(
            "The storage cannot be reached by TLS: check S3_USE_TLS, and AWS_CA_BUNDLE for a certificate of your own."
        )
    if isinstance(error, FlexibleChecksumError):
        return Interrupted("bytes were damaged on their way")
    if isinstance(error, ResponseParserError):
        return Interrupted(NOT_S3)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | asyncio.TimeoutError):
        return Interrupted("it is silent")
    if isinstance(error, EndpointConnectionError):
        return Interrupted("no connection to S3_ENDPOINT")
    if isinstance(error, BotoCoreError | HttpError | OSError):
        return Interrupted("the connection broke")
    return error


def named_code(code: str, status: int) -> Exception:
    """Return the error for a code that S3 has answered; a client that found none puts the status in its place."""
    if code == "NoSuchKey":
        return ObjectMissing(code)
    if code == "NoSuchBucket":
        return BucketMissing()
    if code == "InvalidRange":
        return BeyondEnd(code)
    if code == "NoSuchUpload":
        return UploadGone()
    if code == "PreconditionFailed" or status == 412:
        return ObjectExists(code)
    if code in _DAMAGED:
        return Interrupted("bytes were damaged on their way")
    if code in _CLOCK:
        return StorageRefused(f"The storage refuses the time of the request ({code}): check the clocks.")
    if code in _ELSEWHERE:
        return StorageDown(f"The storage is another one ({code}): check S3_REGION and S3_ENDPOINT.")
    if status in (401, 403):
        return StorageRefused(
            f"The storage refuses the credentials ({code}): check S3_ACCESS_KEY, S3_SECRET_KEY, and what they may do."
        )
    if code in _PASSING or status == 429 or status >= 500:
        return Interrupted(f"{code} ({status})")
    if status < 400 or code == str(status):
        # No error that S3 has put into words: a proxy without a backend says 404 like this, and no file is lost by it.
        return Interrupted(NOT_S3)
    return StorageDown(f"The storage refuses the request ({code}, {status}).")


@contextmanager
def errors_named() -> Iterator[None]:
    """Raise the errors of the S3 client by their names here."""
    try:
        yield
    except Exception as error:
        meant = named(error)
        if meant is error:
            raise
        raise meant from error
