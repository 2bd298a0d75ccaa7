"""Every error of the service is of a kind that a program can catch."""

import json
from collections.abc import Iterator

import pytest
from tada_client import errors
from tada_client.errors import error_of, family

from services.core.errors import TadaError as ServiceError


def every(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


@pytest.mark.parametrize("kind", sorted({(each.status, each.code) for each in every(ServiceError)}), ids=str)
def test_every_error_of_the_service_has_a_family(kind: tuple[int, str]) -> None:
    status, code = kind
    found = family(status, code)
    expected = errors.Refused if status < 500 and status != 429 else errors.TadaError
    assert issubclass(found, expected)
    assert found is not errors.TadaError
    if status >= 500:
        assert found is (errors.Unavailable if status in (502, 503) else errors.ServiceFailed)


def test_an_error_says_what_the_service_says() -> None:
    problem = {"code": "already_exists", "message": "Taken.", "hint": "Do.", "uuid": "1", "unique_name": "/D/c.webp"}
    body = json.dumps({"data": [], "errors": ["x"], "problems": [{**problem, "index": 2}]}).encode()
    error = error_of(400, {"x-request-id": "r", "retry-after": "7"}, body)
    assert isinstance(error, errors.AlreadyExists)
    assert (error.uuid, error.index, error.request_id, error.retry_after, str(error)) == ("1", 2, "r", 7, "Taken. Do.")
    assert error.as_json() == {**problem, "index": 2, "status": 400, "request_id": "r"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"problems": []}', b'{"problems": [7]}', b"\xff"])
def test_an_answer_of_something_else_says_so(body: bytes) -> None:
    error = error_of(404, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, body)
    assert isinstance(error, errors.NotFound)
    assert "does not come from TADA" in error.hint
    assert error.retry_after is None


def test_errors_of_dumps_and_of_the_readiness_check_are_understood() -> None:
    dump = error_of(409, {}, b'{"error": "No dump was made", "details": "It is empty.", "suggestion": "Restore."}')
    assert (type(dump), str(dump)) == (errors.Conflict, "No dump was made: It is empty. Restore.")
    down = error_of(503, {}, b'{"ready": false, "redis": "down", "storage": "ok"}')
    assert (type(down), str(down)) == (errors.Unavailable, "The service is not ready: redis is down.")
