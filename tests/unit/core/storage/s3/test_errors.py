"""What each error of an S3 client means: a table, from S3's own list of codes and from what servers and networks do."""

from collections.abc import Callable

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from services.core.errors import BucketMissing, StorageDown, StorageRefused
from services.core.storage import ObjectExists, ObjectMissing
from services.core.storage.attempts import Interrupted
from services.core.storage.s3.errors import BeyondEnd, UploadGone, errors_named, named

URL = "http://user:secret@10.0.0.1:9000/media/secret-key"


def said(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": f"about {URL}"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetObject",
    )


@pytest.mark.parametrize(
    ("code", "status", "meant"),
    [
        ("NoSuchKey", 404, ObjectMissing),
        ("NoSuchBucket", 404, BucketMissing),
        ("NoSuchUpload", 404, UploadGone),
        ("InvalidRange", 416, BeyondEnd),
        ("PreconditionFailed", 412, ObjectExists),
        ("412", 412, ObjectExists),
        # A 404 that nobody put into words, or whose words are not S3's, is not about the file.
        ("404", 404, Interrupted),
        ("NotFound", 404, StorageDown),
        ("MethodNotAllowed", 405, StorageDown),
        ("InvalidBucketName", 400, StorageDown),
        ("PermanentRedirect", 301, StorageDown),
        ("AuthorizationHeaderMalformed", 400, StorageDown),
        ("301", 301, Interrupted),
        ("200", 200, Interrupted),
        ("", 0, Interrupted),
        ("AccessDenied", 403, StorageRefused),
        ("403", 403, StorageRefused),
        ("401", 401, StorageRefused),
        ("InvalidAccessKeyId", 403, StorageRefused),
        ("SignatureDoesNotMatch", 403, StorageRefused),
        ("RequestTimeTooSkewed", 403, StorageRefused),
        ("ExpiredToken", 400, StorageRefused),
        ("InternalError", 500, Interrupted),
        ("ServiceUnavailable", 503, Interrupted),
        ("502", 502, Interrupted),
        ("SlowDown", 503, Interrupted),
        ("TooManyRequests", 429, Interrupted),
        ("RequestTimeout", 400, Interrupted),
        ("IncompleteBody", 400, Interrupted),
        ("OperationAborted", 409, Interrupted),
        ("ConditionalRequestConflict", 409, Interrupted),
        ("BadDigest", 400, Interrupted),
        ("XAmzContentSHA256Mismatch", 400, Interrupted),
    ],
)
def test_what_s3_answers_has_one_meaning(code: str, status: int, meant: type[Exception]) -> None:
    assert type(named(said(code, status))) is meant


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [("SlowDown", 503, "SlowDown (503)"), ("502", 502, "it answered with status 502")],
)
def test_a_failure_is_told_by_its_code_if_it_has_one(code: str, status: int, told: str) -> None:
    assert str(named(said(code, status))) == told


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (EndpointConnectionError(endpoint_url=URL), Interrupted),
        (ConnectTimeoutError(endpoint_url=URL), Interrupted),
        (ReadTimeoutError(endpoint_url=URL), Interrupted),
        (ConnectionClosedError(endpoint_url=URL), Interrupted),
        (TimeoutError(URL), Interrupted),
        (ConnectionResetError(URL), Interrupted),
        (aiohttp.ClientPayloadError(URL), Interrupted),
        (aiohttp.ServerDisconnectedError(URL), Interrupted),
        (ResponseParserError(URL), Interrupted),
        (FlexibleChecksumError(error_msg=URL), Interrupted),
        (SSLError(endpoint_url=URL, error=Exception("self-signed")), StorageDown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_a_network_does_may_work_the_next_time(error: Exception, meant: type[Exception]) -> None:
    assert type(named(error)) is meant


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError", "NoSuchBucket", "PermanentRedirect", "InvalidTag"])
def test_no_text_of_the_server_is_passed_on(code: str) -> None:
    assert "secret" not in str(named(said(code, 403 if code == "AccessDenied" else 500)))


def test_the_operator_reads_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StorageRefused), errors_named():
        raise said("AccessDenied", 403)
    [line] = caplog.records
    assert line.getMessage() == "storage_complains"
    assert URL in str(vars(line))


@pytest.mark.parametrize(("code", "status"), [("NoSuchKey", 404), ("PreconditionFailed", 412), ("InvalidRange", 416)])
def test_what_is_said_about_one_object_is_no_line_in_the_log(
    caplog: pytest.LogCaptureFixture, code: str, status: int
) -> None:
    with pytest.raises(Exception), errors_named():  # noqa: B017, PT011 - which one is said above
        raise said(code, status)
    assert caplog.records == []


@pytest.mark.parametrize(
    "make", [lambda: ValueError("not a key"), lambda: StorageDown("down"), lambda: ParamValidationError(report="x")]
)
def test_an_error_that_is_none_of_the_client_is_left_as_it_is(make: Callable[[], Exception]) -> None:
    error = make()
    assert named(error) is error
    with pytest.raises(type(error)) as raised, errors_named():
        raise error
    assert raised.value is error
