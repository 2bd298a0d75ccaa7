"""The routes for dumps of the catalog: a pair of files per dump, by its names."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.distant_backend.files import Files
from examples.distant_backend.sending import digest_of, file_response

_FILENAME = re.compile(r"(?:[A-Za-z0-9_-]+\.)+(json|rdb)")
_OF_A_SECOND = re.compile(r"dump_[0-9]{8}T[0-9]{6}")
"""The stem of a dump that nobody has named: only such a dump can be the latest."""
_TYPES = {"json": "application/json", "rdb": "application/octet-stream"}
_PARTS = {"dump": "rdb", "catalog": "json"}


class Dumps:
    """Keeps every dump; removing old ones is the operator's business."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._folder, self._files = folder / "dumps", files

    def routes(self) -> list[Route]:
        return [
            Route("/save-dump", self._save, methods=["POST"]),
            Route("/get-dump/latest", self._give_latest, methods=["GET"]),
            Route("/get-dump/{filename}", self._give, methods=["GET"]),
        ]

    async def _save(self, request: Request) -> Response:
        async with request.form(max_files=2) as form:
            parts = {name: form.get(name) for name in _PARTS}
            for name, part in parts.items():
                if not isinstance(part, UploadFile):
                    raise HTTPException(400, f"the file {name!r} is missing")
                match = _FILENAME.fullmatch(part.filename or "")
                if match is None or match[1] != _PARTS[name]:
                    raise HTTPException(400, f"{name!r} is not named as a dump with the extension .{_PARTS[name]}")
                expected = form.get(f"{name}_sha256")
                if expected and expected != await asyncio.to_thread(_sha256, part.file):
                    raise HTTPException(400, f"{name!r} is not the file that was sent: its SHA-256 is another")
            # The JSON comes last: it is what a restore takes first, so a dump that is half there is not the latest.
            for part in parts.values():
                assert isinstance(part, UploadFile)
                assert part.filename
                await asyncio.to_thread(self._files.write, self._folder / part.filename, part.file)
        return JSONResponse({"message": "saved"}, 201)

    async def _give(self, request: Request) -> Response:
        filename = request.path_params["filename"]
        if not _FILENAME.fullmatch(filename):
            raise HTTPException(404, "no such dump")
        return await self._answer(request, self._folder / filename)

    async def _give_latest(self, request: Request) -> Response:
        kind = request.query_params.get("format", "json")
        if kind not in _TYPES:
            raise HTTPException(400, "format is json or rdb")
        latest = await asyncio.to_thread(self._latest, kind)
        if latest is None:
            raise HTTPException(404, "there is no dump")
        return await self._answer(request, latest)

    def _latest(self, kind: str) -> Path | None:
        found = [path for path in self._folder.glob(f"dump_*.{kind}") if _OF_A_SECOND.fullmatch(path.stem)]
        return max(found, default=None)

    async def _answer(self, request: Request, path: Path) -> Response:
        try:
            headers = {
                "content-disposition": f'attachment; filename="{path.name}"',
                "repr-digest": await digest_of(path),
            }
            return await file_response(request, path, _TYPES[path.suffix[1:]], headers)
        except FileNotFoundError:
            raise HTTPException(404, "no such dump") from None


def _sha256(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while chunk := file.read(256 * 1024):
        found.update(chunk)
    file.seek(0)
    return found.hexdigest()
