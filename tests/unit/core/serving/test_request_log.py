import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import orjson
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.core import errors
from services.core.observing import logs, metrics, origin
from services.core.serving.request_log import RequestLog, route_template
from services.core.serving.web import ERROR_HANDLERS, JsonResponse

Endpoint = Callable[[Request], Awaitable[Response]]
ID = "x-request-id"


def client(endpoint: Endpoint) -> httpx.AsyncClient:
    app = Starlette(
        routes=[
            Route("/things/{name}/", endpoint),
            Route("/things/{name}", endpoint, methods=["GET", "POST"]),
            Route("/quiet", endpoint),
        ],
        middleware=[Middleware(RequestLog, quiet="/quiet")],
        exception_handlers=ERROR_HANDLERS,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service.test")


async def ok(request: Request) -> Response:
    await request.body()
    logs.event(logging.getLogger("services"), logging.INFO, "working")
    return JsonResponse({"id": origin.request_id.get()})


def failing(error: Exception) -> Endpoint:
    async def fail(request: Request) -> Response:
        raise error

    return fail


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Return a function that returns the lines that have been logged, as JSON."""
    out, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(out), root.level
    handler.setFormatter(logs.Formatter(logs.json_lines("test")))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel("WARNING")
    yield lambda: [orjson.loads(line) for line in out.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def counted(route: str, method: str, status: int, outcome: str) -> float:
    labels = {"route": route, "method": method, "status": str(status), "outcome": outcome}
    return REGISTRY.get_sample_value("tada_http_requests_total", labels) or 0


async def test_a_request_has_the_id_of_the_tier_before_in_every_line_and_in_its_answer(
    lines: Callable[[], list[dict[str, object]]],
) -> None:
    async with client(ok) as http:
        answer = await http.get("/things/a", headers={ID: "edge-0123.4_5"})
    assert answer.headers[ID] == answer.json()["id"] == "edge-0123.4_5"
    assert [(line["event"], line["request_id"]) for line in lines()] == [
        ("working", "edge-0123.4_5"),
        ("request", "edge-0123.4_5"),
    ]
    assert origin.request_id.get() == ""


@pytest.mark.parametrize("given", ["", "short", "x" * 65, 'in"jected', "two words", "é-é-é-é-é", "a" * 8 + "\n"])
async def test_an_id_that_may_not_stand_in_a_log_is_replaced_by_a_new_one(given: str) -> None:
    async with client(ok) as http:
        first, second = [await http.get("/things/a", headers=[(b"x-request-id", given.encode())]) for _ in range(2)]
    assert len(first.headers[ID]) == 16
    assert first.headers[ID] not in (given, second.headers[ID])


async def test_a_crash_is_answered_with_the_id_under_which_it_is_in_the_log(
    lines: Callable[[], list[dict[str, object]]],
) -> None:
    async with client(failing(ZeroDivisionError())) as http:
        answer = await http.get("/things/a", headers={ID: "edge-crashed"})
    assert (answer.status_code, answer.headers[ID]) == (500, "edge-crashed")
    assert [(line["status"], line["request_id"]) for line in lines()] == [(500, "edge-crashed")]


async def test_no_query_and_no_header_gets_into_the_log(lines: Callable[[], list[dict[str, object]]]) -> None:
    async with client(ok) as http:
        await http.get("/things/a?access_token=hunter2&sig=hunter2", headers={"Authorization": "Bearer hunter2"})
    assert lines()
    assert "hunter2" not in str(lines())


async def test_health_checks_are_not_logged_while_all_is_well(lines: Callable[[], list[dict[str, object]]]) -> None:
    async with client(ok) as http:
        await http.get("/quiet")
    assert [line["event"] for line in lines()] == ["working"]
    async with client(failing(errors.Unavailable("x"))) as http:
        await http.get("/quiet")
    assert [line["event"] for line in lines()][-1] == "request"


@pytest.mark.parametrize(
    ("path", "endpoint", "route", "status", "outcome"),
    [
        ("/things/a", ok, "/things/{name}", 200, "ok"),
        ("/things/a/", ok, "/things/{name}", 200, "ok"),
        ("/things/a", failing(errors.NotFound("x")), "/things/{name}", 404, "rejected"),
        ("/things/a", failing(errors.TooManyRequests("x", "y", 1)), "/things/{name}", 429, "limited"),
        ("/things/a", failing(errors.Unavailable("x")), "/things/{name}", 503, "refused"),
        ("/things/a", failing(errors.SignatureMismatch("x")), "/things/{name}", 500, "failed"),
        ("/things/a", failing(ZeroDivisionError()), "/things/{name}", 500, "failed"),
        ("/things/a", failing(ClientDisconnect()), "/things/{name}", 400, "left"),
        ("/nowhere/a", ok, "none", 404, "rejected"),
    ],
)
async def test_a_request_is_counted_by_the_template_of_its_route_and_what_became_of_it(
    path: str, endpoint: Endpoint, route: str, status: int, outcome: str
) -> None:
    before = counted(route, "GET", status, outcome)
    async with client(endpoint) as http:
        await http.get(path)
    assert counted(route, "GET", status, outcome) == before + 1


async def test_an_answer_that_breaks_off_is_counted_as_cut() -> None:
    async def breaks(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin"
            raise errors.StorageDown("gone")

        return StreamingResponse(body())

    before = counted("/things/{name}", "GET", 200, "cut")
    async with client(breaks) as http:
        await http.get("/things/a")
    assert counted("/things/{name}", "GET", 200, "cut") == before + 1


async def test_the_bytes_of_bodies_are_counted_both_ways() -> None:
    def both() -> list[float]:
        names = ("tada_http_received_bytes_total", "tada_http_sent_bytes_total")
        return [REGISTRY.get_sample_value(name, {"route": "/things/{name}"}) or 0 for name in names]

    before = both()
    async with client(ok) as http:
        answer = await http.post("/things/a", content=b"x" * 100_000)
    assert [now - then for now, then in zip(both(), before, strict=True)] == [100_000, len(answer.content)]


def test_methods_and_routes_cannot_be_multiplied_by_clients() -> None:
    assert metrics.ended("/x", "BREW", 405, "rejected") is not None
    assert counted("/x", "other", 405, "rejected") == 0
    assert REGISTRY.get_sample_value(
        "tada_http_requests_total", {"route": "/x", "method": "BREW", "status": "405", "outcome": "rejected"}
    ) is None  # fmt: skip


@pytest.mark.parametrize(
    ("path", "given", "route"),
    [
        ("/catalog/", {}, "/catalog"),
        ("/catalog/5b4c967a-ea2d", {"uuid": "5b4c967a-ea2d"}, "/catalog/{uuid}"),
        ("/catalog/5b4c967a-ea2d", None, "none"),
    ],
)
def test_a_request_that_was_answered_past_the_routes_is_named_by_its_parameters(
    path: str, given: dict[str, str] | None, route: str
) -> None:
    scope = {"type": "http", "path": path, **({} if given is None else {"path_params": given})}
    assert route_template(scope) == route
