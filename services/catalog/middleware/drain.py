"""Reads the rest of a body before the request is refused.

An answer that overtakes the body ends the connection, and a client that reuses the connection fails with its next
request. So the rest of a body is read and thrown away before a refusal is sent. This is not done if the body is longer
than any upload may be, or if the client has asked first (`Expect: 100-continue`).

The body of a stranger is read only as long as it comes without a pause. Otherwise anybody could hold connections open
by sending slowly. A stranger is every client whose request was refused by the authentication or before it (see
auth.is_known). So a client with a valid token is a stranger too if its request exceeds a rate limit, or if there is no
such route.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog.middleware.auth import is_known

_OF_BODIES = (b"content-length", b"transfer-encoding")
_PATIENCE, _STRANGERS_PATIENCE = 10.0, 1.0
"""Seconds that a client may take for the rest of its body, one that is known and a stranger."""
_STRANGERS_PAUSE = 0.25
"""Seconds in which a stranger must send something."""


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
                is_late = await drain()
                if is_late and not is_known(scope):
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        async def drain() -> bool:
            """Return whether the client was too slow."""
            known = is_known(scope)
            left = self._limit
            try:
                async with asyncio.timeout(_PATIENCE if known else _STRANGERS_PATIENCE):
                    while not ended and left > 0:
                        async with asyncio.timeout(None if known else _STRANGERS_PAUSE):
                            left -= len((await receive_noting()).get("body", b""))
            except TimeoutError:
                return True
            return False

        await self._app(scope, receive_noting, send_after_body)
