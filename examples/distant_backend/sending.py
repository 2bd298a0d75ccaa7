"""A file as an answer, with ranges (RFC 9110, 14). The file stays open: it may be replaced meanwhile."""

import asyncio
import hashlib
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_CHUNK = 256 * 1024
_ONE_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


async def file_response(request: Request, path: Path, media_type: str, headers: dict[str, str]) -> Response:
    """Answer with a file or the part of it that is asked for; raises FileNotFoundError."""
    file = await asyncio.to_thread(path.open, "rb")
    status = os.fstat(file.fileno())
    size = status.st_size
    # Files are never written to once they have their name, so this names these bytes.
    etag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{size:x}"'
    headers = {**headers, "accept-ranges": "bytes", "etag": etag}
    start, end, code = 0, size, 200
    match = _ONE_RANGE.fullmatch(request.headers.get("range", ""))
    if match and request.headers.get("if-range", etag) == etag:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if start >= size:
            file.close()
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        if start >= end:
            start, end = 0, size
        else:
            code = 206
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    body = _part(file, start, end - start)
    return StreamingResponse(body, code, headers, media_type, BackgroundTask(file.close))


async def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file as the header Repr-Digest has it (RFC 9530)."""

    def compute() -> bytes:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    return f"sha-256=:{b64encode(await asyncio.to_thread(compute)).decode()}:"


async def _part(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    try:
        file.seek(start)
        while length and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
    finally:
        file.close()
