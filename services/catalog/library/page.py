"""GET /library: the page, and the files that it is made of.

All addresses are relative, so that the page works below any prefix. Its policy forbids other sources, and all scripts
but its own files: no name, title or tag that somebody wrote can become one. It forbids all frames, too, but those of
LIBRARY_EMBEDDERS, in which people only pick files.
"""

import base64
import hashlib
import html
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.catalog.library import files
from services.catalog.routes.docs_page import fixed
from services.core.assets import freshness, media_types
from services.core.errors import NotFound
from services.core.serving.web import Answer

PAGE = "/library"
PICKER = f"{PAGE}/picker.js"
"""The element <tada-picker>. Its address stays: pages of others name it."""
_PICKS = "pick"
"""The argument with which a page of others opens this one."""
_FILES = files.read()
_FOLDER = f".{PAGE}/{_FILES.version}"
_VENDORED = {"preact": "preact", "preact/hooks": "hooks", "htm": "htm"}
"""The files of the modules that have a name instead of an address."""
_IMPORTS = orjson.dumps({"imports": {name: f"{_FOLDER}/vendor/{file}.js" for name, file in _VENDORED.items()}}).decode()
_STYLED = "".join(f'<link rel="stylesheet" href="{_FOLDER}/{name}.css">\n' for name in ("style", "details", "narrow"))
_PRELOADED = "".join(f'<link rel="modulepreload" href="{_FOLDER}/{name}">\n' for name in _FILES.first())
_HASH = base64.b64encode(hashlib.sha256(_IMPORTS.encode()).digest()).decode()
SIGNED_IN = f"{PAGE}/signed-in"
"""Where the issuer leads people back to. Its address stays: operators register it there."""
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}
_FOR_A_WHILE = "public, max-age=300"
_NOBODY = ("'none'",)
_PICKER_FILE = "embed/picker.js"


def page(embedders: tuple[str, ...], issuer: str) -> Answer:
    """Return the handler of the page. Only if somebody is to pick files there, others may have it in a frame. `issuer`
    is the address at which people log in: the page asks it for tokens."""
    asked = _origin(issuer)
    content = _html(embedders).encode()

    def made(frames: tuple[str, ...]) -> Answer:
        headers = {"content-security-policy": _policy(frames, asked)}
        if not frames:  # A page of somebody else that has opened this one gets no hold of it.
            headers["cross-origin-opener-policy"] = "same-origin"
        return fixed(content, f"{media_types.HTML}; charset=utf-8", headers)

    alone, framed = made(()), made(embedders)

    async def get_page(request: Request) -> Response:
        return await (framed if _PICKS in request.query_params else alone)(request)

    return get_page


def picker(embedders: tuple[str, ...]) -> Answer:
    """Return the handler of the element <tada-picker>. Pages of the embedders may load it."""
    content = _FILES.contents[_PICKER_FILE]
    get_file = fixed(content, f"{media_types.JAVASCRIPT}; charset=utf-8")

    async def get_picker(request: Request) -> Response:
        if not embedders:
            raise NotFound("No page of others may pick files here.", "Set LIBRARY_EMBEDDERS to the origin of the page.")
        answer = await get_file(request)
        answer.headers["cache-control"] = _FOR_A_WHILE
        if (origin := request.headers.get("origin")) in embedders:
            answer.headers["access-control-allow-origin"] = origin
        return answer

    return get_picker


async def get_signed_in(request: Request) -> Response:
    """Answer with the page to which the issuer leads people back. Its address has what the issuer says."""
    return await _signed_in(request)


_signed_in = fixed(
    f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>TADA</title>
<link rel="icon" href=".{_FOLDER.removeprefix(f".{PAGE}")}/icon.svg">
<script type="module" src=".{_FOLDER.removeprefix(f".{PAGE}")}/embed/signed-in.js"></script>
</head>
<body></body>
</html>
""".encode(),
    f"{media_types.HTML}; charset=utf-8",
    {
        "content-security-policy": "default-src 'none'; script-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    },
)


def _html(embedders: tuple[str, ...]) -> str:
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="tada-embedders" content="{html.escape(" ".join(embedders))}">
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


def _origin(address: str) -> tuple[str, ...]:
    parts = urlsplit(address)
    return (f"{parts.scheme}://{parts.netloc}",) if address else ()


def _policy(frames: tuple[str, ...], asked: tuple[str, ...]) -> str:
    """Return the policy of the page; `frames` are the origins that may have it in a frame, and `asked` the others that
    it may send requests to."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'sha256-{_HASH}'",  # The import map stands in the page itself.
            "style-src 'self'",
            "img-src 'self' blob:",  # Pictures that wait for their upload are blobs.
            " ".join(["connect-src 'self'", *asked]),
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {' '.join(frames or _NOBODY)}",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


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
