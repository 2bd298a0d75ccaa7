"""A client of tus 1.0 for tests, and a way to cut its requests at any byte."""

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

VERSION = {"Tus-Resumable": "1.0.0"}
BYTES = {**VERSION, "Content-Type": "application/offset+octet-stream"}


def metadata(**given: str) -> str:
    """Write Upload-Metadata."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in given.items())


def beginning(size: int, **given: str) -> dict[str, str]:
    """Return the headers that begin an upload of a cat."""
    told = metadata(**{"filename": "cat.jpg", "namespace": "DEV", **given})
    return {**VERSION, "Upload-Length": str(size), "Upload-Metadata": told}


async def begun(http: httpx.AsyncClient, size: int, query: str = "", root: str = "/tus", **given: str) -> str:
    """Begin an upload of a cat; return its address, below that of the service."""
    answer = await http.post(f"{root}{query}", headers=beginning(size, **given))
    assert answer.status_code == 201, answer.text
    found = urlsplit(urljoin(str(answer.url), answer.headers["location"]))
    return f"{found.path}?{found.query}" if found.query else found.path


async def sent(http: httpx.AsyncClient, path: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    """Send the bytes of an upload that come at an offset."""
    return await http.patch(path, content=content, headers={**BYTES, "Upload-Offset": str(offset), **headers})


async def offset_of(http: httpx.AsyncClient, path: str) -> int:
    answer = await http.head(path, headers=VERSION)
    assert answer.status_code == 200, answer.status_code
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


async def cut(app: Any, path: str, offset: int, chunks: Sequence[bytes], **headers: str) -> None:
    """Send chunks as a part of an upload, and leave without an end."""
    given = {**BYTES, "Upload-Offset": str(offset), "Host": "localhost", **headers}
    left = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        """Nobody reads the answer."""

    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PATCH",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        },
        receive,
        send,
    )
