"""Translates errors of the S3 client to those of TADA.

Of an error, only the code is passed on: texts of the server and of the client may hold addresses and names of keys, and
these messages reach the public.
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
NOT_S3 = "the server at S3_ENDPOINT does not speak S3"
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
    """The object exists, but ends before the requested range begins."""


class UploadGone(Exception):
    """The multipart upload has ended, or never existed."""


def named(error: Exception) -> Exception:
    """Return the error to raise instead of one of the S3 client; any other error is returned as it is.

    ObjectMissing, ObjectExists, BeyondEnd: the server's answer about one object. Interrupted: it may work the next
    time. StorageDown: it will not work until an operator acts.
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
        return Interrupted("it stopped answering")
    if isinstance(error, EndpointConnectionError):
        return Interrupted("no connection to S3_ENDPOINT")
    if isinstance(error, BotoCoreError | HttpError | OSError):
        return Interrupted("the connection broke")
    return error


def named_code(code: str, status: int) -> Exception:
    """Return the error for a code of S3. If the answer has no code, the client puts the status in its place."""
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
        return StorageDown(f"The bucket is at another server or region ({code}): check S3_REGION and S3_ENDPOINT.")
    if status in (401, 403):
        return StorageRefused(
            f"The storage refuses the credentials ({code}): check S3_ACCESS_KEY, S3_SECRET_KEY, and their permissions."
        )
    if code in _PASSING or status == 429 or status >= 500:
        return Interrupted(f"it answered with status {status}" if code == str(status) else f"{code} ({status})")
    if status < 400 or code == str(status):
        # Not an error with a code of S3: a proxy without a backend answers 404 like this, which does not mean a lost
        # file.
        return Interrupted(NOT_S3)
    return StorageDown(f"The storage refuses the request ({code}, {status}).")


@contextmanager
def errors_named() -> Iterator[None]:
    """Raise errors of the S3 client as those of TADA."""
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
    """Log the text of the server: only the operator may see it."""
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
