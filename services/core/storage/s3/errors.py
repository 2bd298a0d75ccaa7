"""What an error of the S3 client means to TADA.

Nothing of what the server or the client says is passed on but its code: their texts may hold addresses and names of
keys, and these messages reach the public.
"""

import asyncio
import logging
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

from services.core.errors import BucketMissing, StorageDown, StorageRefused
from services.core.observing import logs
from services.core.storage.attempts import Interrupted
from services.core.storage.base import ObjectExists, ObjectMissing

log = logging.getLogger(__name__)

_EXCERPT = 200
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


class BeyondEnd(Exception):
    """The object is there, and ends before the range that was asked for begins."""


class UploadGone(Exception):
    """The multipart upload has ended, or never was."""


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
        return UploadGone(code)
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
        if isinstance(error, ClientError) and isinstance(meant, Interrupted | StorageDown):
            _note(error)
        raise meant from error


def _note(error: ClientError) -> None:
    """Log what the server says: that is for the operator, and for nobody else."""
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    text = "".join(character if character.isprintable() else " " for character in said.get("Message", "")[:_EXCERPT])
    logs.event(
        log,
        logging.WARNING,
        "storage_complains",
        operation=error.operation_name,
        status=status,
        code=said.get("Code", ""),
        said=text,
    )
