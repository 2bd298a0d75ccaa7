"""Which pages of other origins may call the API."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog import origins as origin_rules
from services.core.errors import BadRequest
from services.core.serving.web import error_response

_HEADERS_OUT = (
    "ETag",
    "Link",
    "Location",
    "X-Next-Cursor",
    "X-Change",
    "X-Purge",
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Entry",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
)
_UPLOADING = ("POST", "PATCH", "HEAD", "DELETE")
"""Methods of uploads with a ticket. The ticket says what the page may do, so METHODS_ALLOWED does not."""
_REMEMBERED_SECONDS = 600
_READING = ("GET", "HEAD")
_VARY = (b"vary", b"Origin")


class Cors(CORSMiddleware):
    """Starlette's middleware. Its refusals have the shape of all errors, and requests without an Origin skip it."""

    refusal_hint: str | None = "ORIGINS_ALLOWED and METHODS_ALLOWED set what pages of other origins may do."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _VARY]
            await send(message)

        await self.app(scope, receive, send_varying)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        said = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        why = bytes(response.body).decode()
        return error_response(BadRequest(f"{why}.", self.refusal_hint), said)


class CorsOfPages(Cors):
    """The public reads its refusals, so they name no settings."""

    refusal_hint = None


class CorsOf:
    """Answers the requests for `path` and everything below it by other rules than all others."""

    def __init__(self, app: ASGIApp, path: str, of_path: Mapping[str, Any], of_others: Mapping[str, Any]) -> None:
        self._path = path
        self._of_path, self._of_others = CorsOfPages(app, **of_path), Cors(app, **of_others)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_below = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._path}/")
        await (self._of_path if is_below else self._of_others)(scope, receive, send)


def of_pages(origins: tuple[str, ...]) -> dict[str, Any]:
    """Return the options for uploads with a ticket."""
    return options(origins, _UPLOADING)


def options(origins: tuple[str, ...], methods: tuple[str, ...], *, protected: bool = True) -> dict[str, Any]:
    """Return the options of Starlette's CORSMiddleware. Cookies are never asked for: tokens are sent by hand.

    If the service is not `protected` by tokens, pages of other origins may only read.
    """
    return {
        **({"allow_origins": ["*"]} if "*" in origins else {"allow_origin_regex": origin_rules.pattern(origins)}),
        "allow_methods": [method.upper() for method in methods if protected or method.upper() in _READING],
        # Any header, as in the older service: no header gives a page a right that its token does not have.
        "allow_headers": ["*"],
        "expose_headers": _HEADERS_OUT,
        "max_age": _REMEMBERED_SECONDS,
    }
