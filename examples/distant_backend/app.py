"""The routes for files, and what stands before all routes: the token, and errors as JSON."""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.distant_backend.dumps import Dumps
from examples.distant_backend.files import BadPath, Files, NoSuchFile
from examples.distant_backend.sending import file_response

_MAX_FILES = 1000
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+\-]{1,100}")


def make_app(folder: Path, token: str, keep: int) -> ASGIApp:
    """Return the backend for a folder. Without a token everybody may do everything."""
    files = Files(folder, keep)
    routes = Routes(files)
    return Starlette(
        routes=[
            Route("/readiness-check", routes.ready, methods=["GET"]),
            _route("/file", GET=routes.get, POST=routes.put, PATCH=routes.put, DELETE=routes.delete),
            _route(
                "/files",
                GET=routes.list,
                POST=routes.put_new,
                PATCH=routes.put_replaced,
                DELETE=routes.delete_several,
            ),
            *Dumps(folder, files).routes(),
        ],
        middleware=[Middleware(TokenRequired, token=token)] if token else [],
        exception_handlers={
            HTTPException: _on_http_error,
            BadPath: _on_bad_path,
            NoSuchFile: _on_no_such_file,
            OSError: _on_os_error,
        },
    )


def _route(path: str, **handlers: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return one route for all methods of a path, so that a 405 names them all."""

    async def answer(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answer, methods=list(handlers))


class TokenRequired:
    """Lets nobody pass who does not show the token, before any of the body is read."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = JSONResponse({"error": "a valid bearer token is needed"}, 401, {"www-authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Routes:
    """What the backend does with files."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def ready(self, request: Request) -> Response:
        await asyncio.to_thread(self._files.check)
        return JSONResponse({"status": "ready"})

    async def get(self, request: Request) -> Response:
        query = request.query_params
        media_type = query.get("mimetype", "")
        if not _MEDIA_TYPE.fullmatch(media_type):
            media_type = "application/octet-stream"
        path = self._files.find(_path(query.get("filepath")), _version(query.get("version")), _is_original(request))
        if path is None:
            raise HTTPException(404, "no such file")
        try:
            return await file_response(request, path, media_type, {})
        except FileNotFoundError:
            raise HTTPException(404, "no such file") from None

    async def put(self, request: Request) -> Response:
        """POST and PATCH of one file; PATCH also of the fields alone, which are kept nowhere here."""
        replaces = request.method == "PATCH"
        if replaces and request.headers.get("content-type", "").startswith("application/json"):
            _path((await _json(request, dict)).get("unique_name"))
            return JSONResponse({})
        async with await _form(request) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "the file 'file' is missing")
            filepath, version = _path(form.get("unique_name")), _version(form.get("version"))
            stored = await self._put(filepath, version, _is_original(request), file, replaces=replaces)
        return JSONResponse(stored, 200 if replaces else 201)

    async def put_new(self, request: Request) -> Response:
        async with await _form(request) as form:
            sent = _uploads(form)
            items = [_item(form.get(f"file_{number}")) for number in range(len(sent))]
            stored = [
                await self._put(filepath, version, original, file, replaces=False)
                for (filepath, version, original), file in zip(items, sent, strict=True)
            ]
        return JSONResponse(stored, 201)

    async def put_replaced(self, request: Request) -> Response:
        async with await _form(request) as form:
            sent = _uploads(form)
            names = [_path(name) for name in str(form.get("unique_names") or "").split(",")]
            if len(names) != len(sent):
                raise HTTPException(400, "there must be as many unique_names as files")
            if not all(self._files.has(name) for name in names):
                raise NoSuchFile
            stored = [
                await self._put(name, None, False, file, replaces=True) for name, file in zip(names, sent, strict=True)
            ]
        return JSONResponse(stored)

    async def delete(self, request: Request) -> Response:
        filepath = _path((await _json(request, dict)).get("unique_name"))
        if not await asyncio.to_thread(self._files.remove, filepath):
            raise HTTPException(404, "no such file")
        return JSONResponse({"data": [filepath], "errors": []})

    async def delete_several(self, request: Request) -> Response:
        """Delete files; one that is not there is deleted already."""
        entries = await _json(request, list)
        filepaths = [_path(entry.get("unique_name") if isinstance(entry, dict) else None) for entry in entries]
        for filepath in filepaths:
            await asyncio.to_thread(self._files.remove, filepath)
        return JSONResponse({"data": filepaths, "errors": []})

    async def list(self, request: Request) -> Response:
        """Sorts all files for each part of the list: fine for thousands, not for millions."""
        query = request.query_params
        prefix, after = query.get("prefix", "/"), query.get("after", "")
        limit = min(_version(query.get("limit")) or 1000, 1000)
        found = await asyncio.to_thread(lambda: sorted(self._files.all(), key=lambda one: one.filepath))
        left = [one for one in found if one.filepath.startswith(prefix) and one.filepath > after]
        page = left[:limit]
        return JSONResponse(
            {
                "data": [{"filepath": one.filepath, "size": one.size} for one in page],
                "next": page[-1].filepath if len(left) > limit else None,
            }
        )

    async def _put(
        self, filepath: str, version: int | None, original: bool, file: UploadFile, *, replaces: bool
    ) -> dict[str, Any]:
        content: BinaryIO = file.file
        version = await asyncio.to_thread(self._files.put, filepath, version, original, content, replaces=replaces)
        return {"unique_name": filepath, **({} if version is None else {"version": version})}


def _path(given: object) -> str:
    if not isinstance(given, str) or not given.startswith("/"):
        raise HTTPException(400, "a path such as /DEV/cat.webp is missing")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise BadPath(given) from None
    return given


def _version(given: object) -> int | None:
    if given in (None, ""):
        return None
    if not re.fullmatch("[1-9][0-9]{0,15}", str(given)):
        raise HTTPException(400, "expected a whole number above zero")
    return int(str(given))


def _is_original(request: Request) -> bool:
    return request.query_params.get("original") == "true"


def _item(text: object) -> tuple[str, int | None, bool]:
    """Read one `file_N`: what is said of the Nth file."""
    try:
        item = json.loads(str(text))
        entry = item["catalogItem"]
        return _path(entry.get("unique_name")), _version(entry.get("version")), item.get("original") == "true"
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HTTPException(400, "each of the files needs its file_N with a catalogItem") from None


def _uploads(form: FormData) -> list[UploadFile]:
    sent = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
    if not sent:
        raise HTTPException(400, "the files 'files' are missing")
    return sent


async def _form(request: Request) -> Any:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "send multipart/form-data")
    return request.form(max_files=_MAX_FILES, max_fields=2 * _MAX_FILES)


async def _json(request: Request, kind: type[Any]) -> Any:
    try:
        found = json.loads(await request.body())
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise HTTPException(400, "send JSON")
    return found


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _on_bad_path(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the path is not one that a file can have"}, 400)


async def _on_no_such_file(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "no such file"}, 404)


async def _on_os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    return JSONResponse({"error": f"the files cannot be reached: {error.strerror}"}, 503)
