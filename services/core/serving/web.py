"""What every service does with HTTP: turn errors into answers."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.core.assets import freshness, media_types
from services.core.errors import BadRequest, SignatureMismatch, TadaError, Unavailable
from services.core.observing import logs, metrics
from services.core.serving.envelope import envelope
from services.core.serving.request_log import ID, ID_HEADER, LEFT

log = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[Response]]
_ETAG = re.compile(r'"[^"]*"')
"""A validator without the mark that it is weak. It may have commas."""
_READING = ("GET", "HEAD")


class JsonResponse(Response):
    media_type = media_types.JSON

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def error_response(error: TadaError, headers: dict[str, str] | None = None) -> Response:
    """Return the answer to a failed request, in the shape of every answer of the API."""
    answer = JsonResponse(envelope([], [error]), status_code=error.status)
    answer.headers["x-content-type-options"] = "nosniff"
    answer.headers.update(freshness.NEVER if headers is None else headers)
    if error.retry_after is not None:
        answer.headers["retry-after"] = str(error.retry_after)
    if error.status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


async def on_tada_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TadaError)
    if isinstance(error, SignatureMismatch):
        metrics.SIGNATURE_MISMATCHES.inc()
    if error.status >= 500:
        logs.event(log, logging.ERROR, error.code, message=error.message, path=request.url.path)
    return error_response(error)


async def on_redis_error(request: Request, error: Exception) -> Response:
    logs.event(log, logging.ERROR, "redis_down", error=str(error), path=request.url.path)
    return error_response(Unavailable("The catalog cannot be reached right now.", "Try again in a moment."))


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Make an answer that nobody reads: the client has left. This is not an error of the service."""
    request.scope[LEFT] = True
    return error_response(BadRequest("The request was cut before its end.", "Send all of it again."))


async def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # Starlette names the methods of one route; here several routes share a path.
    allowed = ", ".join(sorted(_methods(request))) if error.status_code == 405 else ""
    hint = f"Allowed here: {allowed}." if allowed else "See the documentation for the routes."
    known = TadaError(f"{error.detail}: {request.method} {request.url.path}", hint)
    known.status, known.code = error.status_code, str(error.detail).lower().replace(" ", "_")
    answer = error_response(known)
    answer.headers.update(error.headers or {})
    if allowed:
        answer.headers["allow"] = allowed
    return answer


def _methods(request: Request) -> set[str]:
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.path_regex.match(request.url.path)]
    return {method for route in matching for method in route.methods or ()}


async def on_crash(request: Request, error: Exception) -> Response:
    answer = error_response(TadaError("The service failed.", "The log of the service has the reason. Try again."))
    answer.headers[ID_HEADER.decode()] = request.scope.get(ID, "")
    return answer


ERROR_HANDLERS: dict[Any, Any] = {
    TadaError: on_tada_error,
    RedisError: on_redis_error,
    ClientDisconnect: on_disconnect,
    HTTPException: on_http_error,
    Exception: on_crash,
}


def matches(request: Request, etag: str) -> bool:
    """Say whether If-None-Match names this answer (weak comparison, RFC 9110 13.1.2)."""
    given = request.headers.get("if-none-match", "").strip()
    return given == "*" or etag in _ETAG.findall(given)


class Direct:
    """Answers a few frequent paths without Starlette's search for a route.

    That search takes longer than reading an entry. `routes` are patterns of whole paths, with what answers a GET and a
    HEAD of them; errors are answered as elsewhere. All other requests go to the application.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, Answer]) -> None:
        self._app = app
        self._routes = [(re.compile(pattern), answer) for pattern, answer in routes.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _READING:
            for pattern, answer in self._routes:
                if match := pattern.fullmatch(scope["path"]):
                    scope["path_params"] = match.groupdict()
                    response = await _answered(answer, Request(scope, receive))
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def _answered(answer: Answer, request: Request) -> Response:
    try:
        return await answer(request)
    except (TadaError, RedisError, ClientDisconnect) as error:
        handler = next(ERROR_HANDLERS[kind] for kind in type(error).__mro__ if kind in ERROR_HANDLERS)
        response: Response = await handler(request, error)
        return response
