"""Who makes a request: reading is free but for dumps and jobs, writing needs a token whenever one is configured."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.tokens import Principal, Role, Tokens
from services.core.errors import TadaError
from services.core.serving.web import error_response

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PRINCIPAL = "tada.principal"


class Authentication:
    """Lets a request that writes pass only with a token that allows to write, and notes whose it is.

    What is at or below a `private` path is about all there is: even to read it needs a token that allows everything.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, private: Collection[str] = ()) -> None:
        self._app = app
        self._tokens = tokens
        self._private = tuple(f"{path}/" for path in private)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (need := self._needed(scope["method"], scope["path"])):
            try:
                principal = self._tokens.principal(Headers(scope=scope).get("authorization", ""))
                principal.need(need)
                if need is Role.ADMIN:
                    principal.need_everything()
            except TadaError as error:
                await error_response(error)(scope, receive, send)
                return
            scope[_PRINCIPAL] = principal
        await self._app(scope, receive, send)

    def _needed(self, method: str, path: str) -> Role | None:
        if method == "OPTIONS":
            return None
        if f"{path}/".startswith(self._private):
            return Role.ADMIN
        return None if method in _READING else Role.WRITE


def principal_of(request: Request) -> Principal:
    """Return who makes a request that writes."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal
