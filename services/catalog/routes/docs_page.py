"""The API's document at /openapi.json, and at /api-docs a page to try it: Swagger UI, from the package `offapi`.

All parts of the page come from this service, and its policy forbids other sources. All addresses are relative, so that
the page works below any prefix.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.catalog.context import context
from services.core.assets import freshness, media_types
from services.core.serving.web import Answer, matches

PAGE = "/api-docs"
DOCUMENT = "/openapi.json"
_SCRIPT, _STYLE, _START = "swagger-ui.js", "swagger-ui.css", "start.js"
_SHIPPED = {_SCRIPT: "swagger_bundle.js", _STYLE: "swagger_style.css"}
"""Names of files of `offapi` in our addresses."""

_HTML = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TADA: the catalog API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href=".{PAGE}/{_STYLE}">
</head>
<body>
<div id="page"></div>
<noscript>This page needs scripts. The document is at <a href=".{DOCUMENT}">openapi.json</a>.</noscript>
<script src=".{PAGE}/{_SCRIPT}"></script>
<script src=".{PAGE}/{_START}"></script>
</body>
</html>
"""
_JAVASCRIPT = f"""\
SwaggerUIBundle({{
  url: new URL(".{DOCUMENT}", document.baseURI).href,
  dom_id: "#page",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
}});
"""
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # Swagger UI writes style attributes.
        "img-src 'self' data: blob:",  # Its icons are data addresses, pictures in answers are blobs.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def fixed(content: bytes, media_type: str, more: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """Return a handler that always gives the same answer; `more` are headers.

    The ETag is of both: a browser that has the page keeps its policy, too, if the answer is 304.
    """
    etag = f'"{hashlib.blake2b(repr(more).encode() + content, digest_size=12).hexdigest()}"'
    headers = {"etag": etag, **freshness.ASK_FIRST, **_SAFE, **more}

    async def answer(request: Request) -> Response:
        if matches(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    return answer


get_page = fixed(_HTML.encode(), f"{media_types.HTML}; charset=utf-8", {"content-security-policy": _POLICY})


async def get_document(request: Request) -> Response:
    """Answer with the document of all operations."""
    return await context(request).document(request)


def parts() -> dict[str, Answer]:
    """Return the parts of the page, by their names."""
    shipped = resources.files("offapi")
    contents = {name: shipped.joinpath(file).read_bytes() for name, file in _SHIPPED.items()}
    contents[_START] = _JAVASCRIPT.encode()
    return {name: fixed(content, _media_type(name)) for name, content in contents.items()}


async def redirect(request: Request) -> Response:
    """Redirect to the page. A relative Location is resolved against the client's address, prefix included."""
    return RedirectResponse(f"..{PAGE}", 308, headers=freshness.NEVER)


def _media_type(name: str) -> str:
    return "text/css; charset=utf-8" if name.endswith(".css") else "text/javascript; charset=utf-8"
