"""Hearing a client out before refusing what it sends.

An answer that overtakes the body ends the connection, and a client that reuses connections finds its next request
broken. So what is left of a body is read and thrown away before a refusal is sent, unless it is longer than any upload
may be or the client has asked first (`Expect: 100-continue`).
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OF_BODIES = (b"content-length", b"transfer-encoding")
_PATIENCE = 10.0
"""Seconds that a client may take for the rest of its body."""


class Drain:
    """Reads up to `limit` bytes of a refused request's body."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(name in _OF_BODIES for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        may_drain = "expect" not in headers and not (length.isdigit() and int(length) > self._limit)
        ended = False

        async def receive_noting() -> Message:
            nonlocal ended
            message = await receive()
            ended = ended or not message.get("more_body", False)
            return message

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400 and may_drain and not ended:
                await drain()
            await send(message)

        async def drain() -> None:
            left = self._limit
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    while not ended and left > 0:
                        left -= len((await receive_noting()).get("body", b""))

        await self._app(scope, receive_noting, send_after_body)
