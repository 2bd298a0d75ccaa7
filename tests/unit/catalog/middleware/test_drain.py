"""Who is heard out before a refusal, and for how long."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.catalog.keyring import Keyring
from services.catalog.middleware import drain
from services.catalog.middleware.auth import Authentication
from services.catalog.middleware.drain import Drain
from services.catalog.tokens import Role, parse_tokens
from services.core.serving.web import ERROR_HANDLERS

LIMIT = 1000
KNOWN = {"Authorization": "Bearer s3cret"}
PAUSE = drain._STRANGERS_PAUSE


class Sent:
    """A body that counts what was taken of it."""

    def __init__(self, parts: int, pause: float) -> None:
        self.taken, self._parts, self._pause = 0, parts, pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._parts):
            await asyncio.sleep(self._pause)
            self.taken += 1
            yield b"x"


async def refuse(request: Request) -> Response:
    return PlainTextResponse("no", status_code=400)


def client(media_token: str = "s3cret") -> httpx.AsyncClient:
    around = [Middleware(Authentication, tokens=Keyring(lambda: parse_tokens(media_token, "")), role=Role.WRITE)]
    app = Starlette(
        routes=[Route("/file", refuse, methods=["POST"], middleware=around)],
        middleware=[Middleware(Drain, limit=LIMIT)],
        exception_handlers=ERROR_HANDLERS,
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3001")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/file", {}, 401),
        ("/file", {"Authorization": "Bearer wrong"}, 401),
        ("/nothing", {}, 404),
        ("/nothing", KNOWN, 404),
    ],
)
async def test_a_stranger_that_sends_slowly_is_answered_at_once(
    path: str, headers: dict[str, str], status: int
) -> None:
    body, started = Sent(1000, 2 * PAUSE), time.monotonic()
    async with client() as http:
        answer = await http.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (status, "close")
    assert time.monotonic() - started < 2
    assert body.taken <= 2


async def test_a_stranger_that_drips_is_answered_soon() -> None:
    body, started = Sent(1000, PAUSE / 4), time.monotonic()
    async with client() as http:
        answer = await http.post("/file", content=body)
    assert (answer.status_code, answer.headers["connection"]) == (401, "close")
    assert time.monotonic() - started < 2 * drain._STRANGERS_PATIENCE


async def test_a_stranger_that_sends_what_it_has_is_heard_out_and_keeps_its_connection() -> None:
    body = Sent(LIMIT, 0)
    async with client() as http:
        answer = await http.post("/file", content=body)
    assert (answer.status_code, body.taken) == (401, LIMIT)
    assert "connection" not in answer.headers


@pytest.mark.parametrize(("media_token", "headers"), [("s3cret", KNOWN), ("", {})])
async def test_who_may_write_is_heard_out_even_if_that_takes_time(media_token: str, headers: dict[str, str]) -> None:
    body = Sent(3, 2 * PAUSE)
    async with client(media_token) as http:
        answer = await http.post("/file", content=body, headers=headers)
    assert (answer.status_code, body.taken) == (400, 3)
    assert "connection" not in answer.headers


async def test_who_asks_first_is_answered_before_the_body() -> None:
    body = Sent(1000, 2 * PAUSE)
    async with client() as http:
        answer = await http.post("/file", content=body, headers={"Expect": "100-continue"})
    assert (answer.status_code, body.taken) == (401, 0)
