import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.catalog.middleware import cors
from tests.support.problems import problem


def client(*origins: str) -> httpx.AsyncClient:
    async def done(request: Request) -> Response:
        return PlainTextResponse("done")

    app = Starlette(
        routes=[Route("/catalog", done, methods=["GET", "PATCH"])],
        middleware=[Middleware(cors.Cors, **cors.options(origins, ("get", "patch")))],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test")


async def is_allowed(origins: tuple[str, ...], origin: str) -> bool:
    async with client(*origins) as http:
        answer = await http.get("/catalog", headers={"origin": origin})
    return answer.headers.get("access-control-allow-origin") in (origin, "*")


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (("https://cms.example.com",), "https://cms.example.com", True),
        (("https://cms.example.com/",), "https://cms.example.com", True),
        (("https://cms.example.com",), "http://cms.example.com", False),
        (("https://cms.example.com",), "https://cms.example.com:8443", False),
        (("https://cms.example.com",), "https://cms.example.com.evil.example", False),
        (("https://cms.example.com",), "https://cmsxexample.com", False),
        (("https://cms.example.com",), "null", False),
        (("localhost",), "http://localhost", True),
        (("localhost",), "https://localhost:3000", True),
        (("localhost",), "http://localhost.evil.example", False),
        (("localhost",), "http://evil.example/localhost", False),
        (("https://a.example", "b.example"), "https://b.example", True),
        (("*",), "https://whoever.example", True),
        (("https://a.example", "*"), "https://whoever.example", True),
        ((), "https://whoever.example", False),
    ],
)
async def test_pages_of_the_configured_origins_alone_may_call_the_api(
    origins: tuple[str, ...], origin: str, allowed: bool
) -> None:
    assert await is_allowed(origins, origin) is allowed


async def test_a_page_is_told_before_what_it_may_send() -> None:
    asking = {
        "origin": "https://cms.example.com",
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization, content-type",
    }
    async with client("https://cms.example.com") as http:
        answer = await http.options("/catalog", headers=asking)
        refused = await http.options("/catalog", headers=asking | {"access-control-request-method": "DELETE"})
    assert answer.status_code == 200
    assert set(answer.headers["access-control-allow-methods"].split(", ")) == {"GET", "PATCH"}
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["access-control-allow-methods"] == answer.headers["access-control-allow-methods"]
    error = problem(refused)
    assert (error["code"], error["message"]) == ("bad_request", "Disallowed CORS method.")
    assert "METHODS_ALLOWED" in error["hint"]


async def test_a_page_may_send_any_header() -> None:
    asking = {"origin": "https://cms.example.com", "access-control-request-method": "PATCH"}
    async with client("https://cms.example.com") as http:
        answer = await http.options("/catalog", headers=asking | {"access-control-request-headers": "x-requested-with"})
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (200, "x-requested-with")


async def test_a_page_may_read_where_the_next_part_of_the_list_is() -> None:
    async with client("*") as http:
        answer = await http.get("/catalog", headers={"origin": "https://cms.example.com"})
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Link", "X-Next-Cursor"} <= set(exposed)


async def test_cookies_are_never_asked_for() -> None:
    async with client("*") as http:
        answer = await http.get("/catalog", headers={"origin": "https://cms.example.com", "cookie": "session=1"})
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("PATCH", 400)])
async def test_without_tokens_pages_of_other_origins_may_read_alone(method: str, status: int) -> None:
    around = Middleware(cors.Cors, **cors.options(("*",), ("GET", "PATCH"), protected=False))
    asking = {"origin": "https://cms.example.com", "access-control-request-method": method}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(middleware=[around])), base_url="http://x"
    ) as http:
        assert (await http.options("/catalog", headers=asking)).status_code == status
