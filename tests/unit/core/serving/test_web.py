import logging
from collections.abc import Awaitable, Callable

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisDown
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.core import errors
from services.core.serving.request_log import RequestLog
from services.core.serving.web import ERROR_HANDLERS, Direct, JsonResponse, matches
from tests.support.problems import problem

Endpoint = Callable[[Request], Awaitable[Response]]


def client(endpoint: Endpoint) -> httpx.AsyncClient:
    app = Starlette(
        routes=[Route("/thing", endpoint), Route("/quiet", endpoint)],
        middleware=[Middleware(RequestLog, quiet="/quiet")],
        exception_handlers=ERROR_HANDLERS,
    )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://service.test"
    )


async def answer_to(error: Exception) -> httpx.Response:
    async def fail(request: Request) -> Response:
        raise error

    async with client(fail) as http:
        return await http.get("/thing")


async def ok(request: Request) -> Response:
    return JsonResponse({"é": 1})


async def test_an_error_is_answered_in_the_shape_of_the_api() -> None:
    answer = await answer_to(errors.BadRequest("That is wrong.", "Do it right."))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json() == {
        "data": [],
        "errors": ["That is wrong."],
        "problems": [{"code": "bad_request", "message": "That is wrong.", "hint": "Do it right."}],
    }


@pytest.mark.parametrize(
    "error", [errors.NotFound("x"), errors.SignatureMismatch("x"), errors.StorageDown("x"), RuntimeError("x")]
)
async def test_no_cache_keeps_an_error_unless_told_to(error: Exception) -> None:
    answer = await answer_to(error)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-expires"] == "0"


async def test_what_is_down_is_503_with_a_time_to_try_again() -> None:
    for error in (errors.StorageDown("x"), errors.Unavailable("x"), RedisDown("secret-host:6379 refused")):
        answer = await answer_to(error)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "secret-host" not in answer.text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.StorageRefused("x"), "storage_refused"),
        (errors.BucketMissing(), "bucket_missing"),
        (errors.StorageLost("x"), "storage_lost"),
    ],
)
async def test_a_storage_that_an_operator_must_mend_is_named_in_the_log_and_may_be_asked_in_30_s(
    error: errors.StorageDown, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(error)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert line in caplog.messages


async def test_what_can_not_be_tried_again_says_nothing_of_it() -> None:
    assert "retry-after" not in (await answer_to(errors.NotFound("x"))).headers


async def test_a_missing_token_is_asked_for() -> None:
    answer = await answer_to(errors.Unauthorized())
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_crash_is_a_500_that_tells_nothing_of_the_inside() -> None:
    answer = await answer_to(RuntimeError("password is hunter2"))
    assert answer.status_code == 500
    assert problem(answer)["code"] == "internal_error"
    assert "hunter2" not in answer.text


async def test_a_client_that_leaves_is_no_error_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    assert (await answer_to(ClientDisconnect())).status_code == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_unknown_route_and_a_wrong_method_are_answered_in_the_same_shape() -> None:
    async with client(ok) as http:
        unknown, wrong = await http.get("/other"), await http.post("/thing")
    assert (unknown.status_code, problem(unknown)["code"]) == (404, "not_found")
    assert (wrong.status_code, problem(wrong)["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert problem(wrong)["hint"] == "Allowed here: GET, HEAD."


async def test_an_http_error_keeps_its_own_headers() -> None:
    answer = await answer_to(HTTPException(429, headers={"retry-after": "7"}))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_server_errors_are_logged_and_client_errors_are_not(caplog: pytest.LogCaptureFixture) -> None:
    await answer_to(errors.NotFound("x"))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    await answer_to(errors.SignatureMismatch("x"))
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "signature_mismatch"
    ]


@pytest.mark.parametrize(
    ("given_tags", "matched"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x",W/"abc"', True),
        ("*", True),
        ('"ab"', False),
        ("abc", False),
        ("", False),
        ('"x", "y"', False),
    ],
)
def test_a_validator_matches_weakly_and_in_a_list(given_tags: str, matched: bool) -> None:
    request = Request({"type": "http", "headers": [(b"if-none-match", given_tags.encode())]})
    assert matches(request, '"abc"') is matched


def test_a_validator_may_have_commas() -> None:
    for given, matched in (('"a,b"', True), ('"x", W/"a,b"', True), ('"a", "b"', False), ('"x,"a,b"', False)):
        request = Request({"type": "http", "headers": [(b"if-none-match", given.encode())]})
        assert matches(request, '"a,b"') is matched, given


def test_without_a_validator_nothing_matches() -> None:
    assert not matches(Request({"type": "http", "headers": []}), '"abc"')


def directly(answer: Endpoint) -> Starlette:
    async def other(request: Request) -> Response:
        return Response("by its route")

    return Starlette(
        routes=[Route("/{path:path}", other, methods=["GET", "HEAD", "POST"])],
        middleware=[Middleware(Direct, routes={"/things/(?P<name>[a-z]+)": answer})],
        exception_handlers=ERROR_HANDLERS,
    )


async def ask(app: Starlette, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False)) as http:
        return await http.request(method, f"http://service.test{path}")


async def test_a_direct_path_is_answered_with_what_is_in_it() -> None:
    async def named(request: Request) -> Response:
        return Response(request.path_params["name"])

    app = directly(named)
    assert (await ask(app, "GET", "/things/cat")).text == "cat"
    assert (await ask(app, "HEAD", "/things/cat")).status_code == 200
    others = (("POST", "/things/cat"), ("GET", "/things/cat/"), ("GET", "/a/things/cat"), ("GET", "/things"))
    for method, path in others:
        assert (await ask(app, method, path)).text == "by its route"


@pytest.mark.parametrize(
    "error", [errors.NotFound("x"), errors.StorageDown("x"), RedisDown("x"), ClientDisconnect(), RuntimeError("x")]
)
async def test_an_error_on_a_direct_path_is_the_same_answer_as_on_a_route(error: Exception) -> None:
    async def fail(request: Request) -> Response:
        raise error

    direct, routed = await ask(directly(fail), "GET", "/things/cat"), await answer_to(error)
    for answer in (direct, routed):
        answer.headers.pop("x-request-id", None)
    assert (direct.status_code, direct.content, direct.headers) == (routed.status_code, routed.content, routed.headers)
