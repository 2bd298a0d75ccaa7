import hashlib

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.catalog.keyring import Keyring
from services.catalog.middleware.auth import Authentication, check_again, principal_of
from services.catalog.tokens import Role, parse_tokens
from services.core.serving.web import ERROR_HANDLERS
from tests.support.problems import problem

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READER = f"reader:read:*:{hashlib.sha256(b'r3ader').hexdigest()}"


async def who(request: Request) -> Response:
    return PlainTextResponse(principal_of(request).name)


async def anybody(request: Request) -> Response:
    return PlainTextResponse("free")


def client(role: Role, media_token: str = "s3cret", lines: str = READER) -> httpx.AsyncClient:
    around = [Middleware(Authentication, tokens=Keyring(lambda: parse_tokens(media_token, lines)), role=role)]
    handler = anybody if role is Role.PUBLIC else who
    app = Starlette(
        routes=[Route("/file", handler, methods=[*METHODS], middleware=around)], exception_handlers=ERROR_HANDLERS
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3001")


async def answer(http: httpx.AsyncClient, method: str, authorization: str | None) -> httpx.Response:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    async with http:
        return await http.request(method, "/file", headers=headers)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("BEARER s3cret", 200),
        ("Bearer  s3cret ", 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer s3cre", 401),
        ("Bearer s3crets", 401),
        ("Bearer S3CRET", 401),
        ("Bearer \u00e9", 401),
        ("Basic s3cret", 401),
        ("s3cret", 401),
        ("Bearer r3ader", 403),
    ],
)
async def test_a_route_needs_a_token_that_has_its_role(method: str, authorization: str | None, status: int) -> None:
    assert (await answer(client(Role.WRITE), method, authorization)).status_code == status


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong"])
async def test_a_public_route_is_for_everybody(method: str, authorization: str | None) -> None:
    assert (await answer(client(Role.PUBLIC), method, authorization)).status_code == 200


@pytest.mark.parametrize("role", [*Role])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "Bearer whatever"])
async def test_without_a_configured_token_everything_is_free(
    role: Role, method: str, authorization: str | None
) -> None:
    assert (await answer(client(role, "", ""), method, authorization)).status_code == 200


async def test_a_write_is_known_by_the_name_of_its_token() -> None:
    writer = f"cms:write:DEV:{hashlib.sha256(b'wr1ter').hexdigest()}"
    assert (await answer(client(Role.WRITE, "s3cret", writer), "POST", "Bearer wr1ter")).text == "cms"
    assert (await answer(client(Role.WRITE, "s3cret", writer), "POST", "Bearer s3cret")).text == "media"
    assert (await answer(client(Role.WRITE, "", ""), "POST", None)).text == "anybody"


async def test_a_refusal_tells_what_is_missing_and_not_what_it_is() -> None:
    refusal = await answer(client(Role.WRITE), "POST", None)
    assert refusal.headers["www-authenticate"] == "Bearer"
    assert problem(refusal)["code"] == "unauthorized"
    assert "s3cret" not in refusal.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("token", "status"),
    [("s3cret", 200), ("adm1n", 200), ("wr1ter", 403), ("r3ader", 403), ("l1mited", 403), ("wrong", 401), (None, 401)],
)
async def test_the_role_admin_is_for_tokens_that_may_read_and_change_everything(
    method: str, token: str | None, status: int
) -> None:
    lines = ";".join(
        f"{name}:{role}:{spaces}:{hashlib.sha256(name.encode()).hexdigest()}"
        for name, role, spaces in (
            ("adm1n", "admin", "*"),
            ("wr1ter", "write", "*"),
            ("r3ader", "read", "*"),
            ("l1mited", "admin", "DEV"),
        )
    )
    authorization = None if token is None else f"Bearer {token}"
    assert (await answer(client(Role.ADMIN, "s3cret", lines), method, authorization)).status_code == status


@pytest.mark.parametrize("given", [{"host": "media.example.com"}, {"origin": "https://evil.example"}])
async def test_without_a_configured_token_no_other_machine_and_no_other_page_may_write(given: dict[str, str]) -> None:
    async with client(Role.WRITE, "", "") as http:
        assert (await http.post("/file", headers=given)).status_code == 403
    async with client(Role.PUBLIC, "", "") as http:
        assert (await http.get("/file", headers=given)).status_code == 200
    async with client(Role.WRITE) as http:
        assert (await http.post("/file", headers={**given, "authorization": "Bearer s3cret"})).status_code == 200


@pytest.mark.parametrize(
    ("later", "status"),
    [("cms:write:DEV", 200), ("cms:admin:DEV", 401), ("cms:read:DEV", 403), ("cms:write:PROD", 401), ("", 401)],
)
async def test_an_answer_that_lasts_ends_when_its_token_is_another_one(later: str, status: int) -> None:
    digest = hashlib.sha256(b"wr1ter").hexdigest()
    lines = [f"other:read:*:{'0' * 64}", f"cms:write:DEV:{digest}"]
    keyring = Keyring(lambda: parse_tokens("", "\n".join(lines)))

    async def lasting(request: Request) -> Response:
        await check_again(request)
        lines[1:] = [f"{later}:{digest}"] if later else []
        keyring.reload()
        await check_again(request)
        return PlainTextResponse("still there")

    around = [Middleware(Authentication, tokens=keyring, role=Role.WRITE)]
    app = Starlette(routes=[Route("/events", lasting, middleware=around)], exception_handlers=ERROR_HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3001") as http:
        assert (await http.get("/events", headers={"authorization": "Bearer wr1ter"})).status_code == status
