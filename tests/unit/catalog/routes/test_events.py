"""How a stream of events ends, whoever ends it."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Scope

from services.catalog.feed.feed import Feed
from services.catalog.feed.listener import Listener
from services.catalog.feed.wanted import Wanted
from services.catalog.routes import events
from services.core.errors import Unauthorized
from services.core.serving.request_log import LEFT
from services.core.state.changes import News


class EmptyLog:
    """A log in which nothing ever happens."""

    async def latest(self) -> None:
        return None

    async def news(self, position: int, count: int) -> News:
        return News([], position, is_gapless=True, is_last=True)

    async def wait_after(self, number: int, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return False


class Client:
    """A client that takes what it is sent, or stalls, until it leaves."""

    def __init__(self, *, stalls: bool = False, refused: bool = False) -> None:
        self.feed = Feed(EmptyLog())  # type: ignore[arg-type]
        self.sent: list[Message] = []
        self.leaves, self.got = asyncio.Event(), asyncio.Event()
        self._stalls, self._refused = stalls, refused
        self.scope: Scope = {"type": "http", "method": "GET", "path": "/events"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self.got.set()
        if self._stalls and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def check(self) -> None:
        if self._refused:
            raise Unauthorized

    async def follow(self) -> None:
        stream = events._Stream(self.feed, Listener(self.feed, Wanted(), None), self.check)
        async with asyncio.timeout(5):
            await stream(self.scope, self.receive, self.send)

    @property
    def has_whole(self) -> bool:
        last = self.sent[-1]
        return last["type"] == "http.response.body" and not last["more_body"]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.catalog.feed.listener.HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(events, "_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(events, "_SEND_SECONDS", 0.05)


async def test_a_client_that_leaves_is_forgotten() -> None:
    client = Client()
    task = asyncio.create_task(client.follow())
    await client.got.wait()
    client.leaves.set()
    await task
    assert client.scope[LEFT]
    assert client.feed._listeners == 0


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    client = Client(stalls=True)
    await client.follow()
    assert not client.has_whole, "the server closes the connection"
    assert client.feed._listeners == 0


@pytest.mark.parametrize("how", ["refused", "closed", "old"])
async def test_a_stream_that_may_not_go_on_ends_as_a_whole(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(refused=how == "refused")
    if how == "old":
        monkeypatch.setattr("services.catalog.feed.listener.LIFETIME_SECONDS", 0.05)
    task = asyncio.create_task(client.follow())
    await client.got.wait()
    if how == "closed":
        client.feed.close()
    await task
    assert client.has_whole
    headers: dict[Any, Any] = dict(client.sent[0]["headers"])
    assert headers[b"x-accel-buffering"] == b"no"
    assert b"content-length" not in headers
