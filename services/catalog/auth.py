"""Who makes a request: reading is free, writing needs a token whenever one is configured."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.tokens import Principal, Role, Tokens
from services.core.errors import TadaError
from services.core.web import error_response

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PRINCIPAL = "tada.principal"


class Authentication:
    """Lets a request that writes pass only with a token that allows to write, and notes whose it is."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READING:
            try:
                principal = self._tokens.principal(Headers(scope=scope).get("authorization", ""))
                principal.need(Role.WRITE)
            except TadaError as error:
                await error_response(error)(scope, receive, send)
                return
            scope[_PRINCIPAL] = principal
        await self._app(scope, receive, send)


def principal_of(request: Request) -> Principal:
    """Return who makes a request that writes."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal
