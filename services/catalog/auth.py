"""Bearer tokens: reading is free, writing needs the token whenever one is configured."""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.core.errors import Unauthorized
from services.core.web import error_response

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class WriteToken:
    """Lets a request that writes pass only with the token; compares in constant time."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._expected and scope["method"] not in _READING:
            given = Headers(scope=scope).get("authorization", "").encode("latin-1")
            scheme, _, token = given.partition(b" ")
            if not hmac.compare_digest(scheme.capitalize() + b" " + token.strip(), self._expected):
                await error_response(Unauthorized())(scope, receive, send)
                return
        await self._app(scope, receive, send)
