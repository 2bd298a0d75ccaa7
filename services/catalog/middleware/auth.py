"""The sender of a request, and whether the sender may use the requested operation."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.middleware import local
from services.catalog.tokens import ANYBODY, Principal, Role
from services.core.errors import Unauthorized
from services.core.observing import origin

_PRINCIPAL, _AGAIN = "tada.principal", "tada.principal-again"


class Principals(Protocol):
    """Knows the owner of each token."""

    async def principal(self, authorization: str) -> Principal:
        """Return the owner of the token in an Authorization header; raises Unauthorized."""


class Authentication:
    """Wraps one route: lets a request pass only with a token that has its role, and notes the owner of the token.

    Raises Unauthorized and Forbidden. The role `admin` concerns all namespaces: a token that is limited to some
    namespaces does not have it. If no token is configured, only this machine may send requests, and no page of another
    origin.
    """

    def __init__(self, app: ASGIApp, tokens: Principals, role: Role) -> None:
        self._app, self._tokens, self._role = app, tokens, role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._role is Role.PUBLIC:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        principal = scope[_PRINCIPAL] = await self._checked(headers)
        scope[_AGAIN] = partial(self._checked, headers)
        with origin.acting_as(principal.name):
            await self._app(scope, receive, send)

    async def _checked(self, headers: Headers) -> Principal:
        principal = await self._tokens.principal(headers.get("authorization", ""))
        if principal is ANYBODY:
            local.check(headers)
        principal.need(self._role)
        if self._role is Role.ADMIN:
            principal.need_everything()
        return principal


def is_known(scope: Scope) -> bool:
    """Say whether a request has got past the authentication of its operation. If no token is configured, this machine
    does.

    A request that was answered before it is not known, whatever token it has: it exceeded a rate limit (429), there is
    no such route (404, 405), or the operation is public.
    """
    return _PRINCIPAL in scope


def principal_of(request: Request) -> Principal:
    """Return the sender of a request for an operation that is not public."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal


def act_as(request: Request, principal: Principal) -> None:
    """Note the sender of a request for a public operation that has found out who that is by other means."""
    request.scope[_PRINCIPAL] = principal


async def check_again(request: Request) -> None:
    """Raise Unauthorized or Forbidden unless the sender may still do what the request has begun.

    For answers that last long, of an operation that is not public: meanwhile, a token may be revoked or limited.
    """
    again: Callable[[], Awaitable[Principal]] = request.scope[_AGAIN]
    if await again() != principal_of(request):
        raise Unauthorized
