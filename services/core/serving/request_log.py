"""The records of every request: its id, one log line, the metrics, a trace. Pure ASGI, outside of all other
middleware."""

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.observing import logs, metrics, origin, tracing

log = logging.getLogger(__name__)

ID_HEADER = b"x-request-id"
_TRACE_HEADER = b"traceparent"
ID = "tada.request_id"
LEFT = "tada.left"
"""In the scope of a request whose client has left before it was answered."""
NO_ROUTE = "none"
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


def route_template(scope: Scope) -> str:
    """Return the path of the route that was found, its parameters as names."""
    route = scope.get("route")
    if route is None and "path_params" in scope:
        # Answered without Starlette's search for a route: only the parameters of the path vary.
        known: str = scope["path"]
        for name, value in scope["path_params"].items():
            known = known.replace(f"/{value}", f"/{{{name}}}")
        return known.rstrip("/")
    path: str | None = getattr(route, "path_format", None) or getattr(route, "path", None)
    return (path or "").rstrip("/") or NO_ROUTE


class RequestLog:
    """Gives a request its id, which comes from the tier before if there is one, and logs the result.

    Requests for a `quiet` path are logged at level DEBUG: health checks come every few seconds. `route` returns the
    name of a request in the metrics: there are only a few names.
    """

    def __init__(self, app: ASGIApp, quiet: str, route: Callable[[Scope], str] = route_template) -> None:
        self._app, self._quiet, self._route = app, quiet, route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = origin.accepted(headers.get(ID_HEADER, b"").decode("latin-1"))
        status = received = sent = 0
        whole = False

        async def send_noting(message: Message) -> None:
            nonlocal status, sent, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (ID_HEADER, request_id.encode())]
            else:
                sent += len(message.get("body", b""))
                whole = not message.get("more_body", False)
            await send(message)

        async def receive_noting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        scope[ID] = request_id
        token = origin.request_id.set(request_id)
        parent = headers.get(_TRACE_HEADER, b"").decode("latin-1") if tracing.is_on() else ""
        try:
            with tracing.span(scope["method"], parent, served=True) as span:
                try:
                    await self._app(scope, receive if scope["method"] in _BODILESS else receive_noting, send_noting)
                finally:
                    seconds = time.perf_counter() - started
                    status = status or 500  # It crashed: an outer layer answers.
                    route = self._route(scope)
                    if span is not None:
                        span.update_name(f"{scope['method']} {route}")
                        span.set_attributes({"http.route": route, "http.response.status_code": status})
                    outcome = _outcome(scope, status, whole=whole)
                    counted = metrics.ended(route, scope["method"], status, outcome)
                    counted.requests.inc()
                    counted.seconds.observe(seconds)
                    counted.sent.inc(sent)
                    if received:
                        counted.received.inc(received)
                    quiet = scope["path"].removesuffix("/") == self._quiet and status == 200
                    logs.event(
                        log,
                        logging.DEBUG if quiet else logging.INFO,
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        bytes=sent,
                        ms=round(seconds * 1000, 1),
                    )
        finally:
            origin.request_id.reset(token)


def _outcome(scope: Scope, status: int, *, whole: bool) -> str:
    if LEFT in scope:
        return "left"
    if not whole:
        return "cut" if status < 500 else "failed"
    return metrics.outcome(status)
