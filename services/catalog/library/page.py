"""GET /library: the page, and the files that it is made of.

All addresses are relative, so that the page works below any prefix. Its policy forbids other sources, and all scripts
but its own files: no name, title or tag that somebody wrote can become one.
"""

import base64
import hashlib
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.catalog.library import files
from services.catalog.routes.docs_page import fixed
from services.core.assets import freshness, media_types
from services.core.errors import NotFound

PAGE = "/library"
_FILES = files.read()
_FOLDER = f".{PAGE}/{_FILES.version}"
_VENDORED = {"preact": "preact", "preact/hooks": "hooks", "htm": "htm"}
"""The files of the modules that have a name instead of an address."""
_IMPORTS = orjson.dumps({"imports": {name: f"{_FOLDER}/vendor/{file}.js" for name, file in _VENDORED.items()}}).decode()
_STYLED = "".join(f'<link rel="stylesheet" href="{_FOLDER}/{name}.css">\n' for name in ("style", "details", "narrow"))
_PRELOADED = "".join(f'<link rel="modulepreload" href="{_FOLDER}/{name}">\n' for name in _FILES.first())
_HTML = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TADA</title>
<link rel="icon" href="{_FOLDER}/icon.svg">
{_STYLED}<script type="importmap">{_IMPORTS}</script>
{_PRELOADED}</head>
<body>
<div id="library"></div>
<noscript>This page needs scripts. The API is described at <a href="./api-docs">api-docs</a>.</noscript>
<script type="module" src="{_FOLDER}/main.js"></script>
</body>
</html>
"""
_HASH = base64.b64encode(hashlib.sha256(_IMPORTS.encode()).digest()).decode()
_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' 'sha256-{_HASH}'",  # The import map stands in the page itself.
        "style-src 'self'",
        "img-src 'self' blob:",  # Pictures that wait for their upload are blobs.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}

get_page = fixed(_HTML.encode(), f"{media_types.HTML}; charset=utf-8", {"content-security-policy": _POLICY})


async def get_file(request: Request) -> Response:
    """Answer with a file of the page.

    While a new release is rolled out, a page of one process may ask another one. It gets the file that is there, and
    does not keep it.
    """
    name = request.path_params["name"]
    content = _FILES.contents.get(name)
    if content is None:
        raise NotFound(f"The library has no file {name[:64]!r}.", "Load the page again.")
    kept = request.path_params["version"] == _FILES.version
    headers = {**(_FOR_GOOD if kept else freshness.NEVER), **_SAFE}
    return Response(content, media_type=f"{files.TYPES[Path(name).suffix]}; charset=utf-8", headers=headers)


async def redirect(request: Request) -> Response:
    """Redirect from the page with a slash. A relative Location is resolved against the client's address, prefix
    included."""
    return RedirectResponse(f"..{PAGE}", 308, headers=freshness.NEVER)


async def redirect_root(request: Request) -> Response:
    """Redirect from the root, below any prefix."""
    return RedirectResponse(f".{PAGE}", 302, headers=freshness.NEVER)
