"""The reference backend as a process, a recorder of what is said to it, and a backend that does as it is told."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson

from services.core.settings import CoreSettings
from tests.processes.listening import listening
from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

TOKEN = "token-of-the-backend"


class Backend:
    """`python -m examples.distant_backend` on a folder and a port of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "examples.distant_backend", "--port", str(self.port)]
        self._command += ["--folder", str(folder), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "BACKEND_TOKEN": TOKEN}
        self._process = children.start(self._command, environment, cwd=ROOT)
        wait_until(self._answers, within=20)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "the backend has ended"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readiness-check", headers=headers, timeout=5).status_code == 200
        return False

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def files(self) -> dict[str, bytes]:
        """Return everything it has on the disk, unfinished files too."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


def settings_for(url: str, folder: Path, **more: Any) -> CoreSettings:
    """Return the settings of a storage at `url`: with its token, and quick to give up unless told otherwise."""
    values: dict[str, Any] = {
        "public_url": "https://media.example.com",
        "delegated_storage_method": "DISTANT_BACKEND",
        "delegated_storage_host": url,
        "delegated_storage_token": TOKEN,
        "data_folder_path": folder,
        "storage_connect_seconds": 2,
        "storage_read_seconds": 2,
        "storage_deadline_seconds": 5,
        "storage_retries": 1,
    }
    return CoreSettings(**{**values, **more})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    raw: bytes
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def parts(self) -> list[Part]:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + self.body)
        found = []
        for part in message.get_payload():
            assert not isinstance(part, str)
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            name = part.get_param("name", header="content-disposition")
            media_type = part.get_content_type() if "content-type" in part else None
            found.append(Part(str(name), part.get_filename(), media_type, content))
        return found

    @property
    def fields(self) -> dict[str, str]:
        return {part.name: part.content.decode() for part in self.parts if part.filename is None}

    @property
    def files(self) -> list[Part]:
        return [part for part in self.parts if part.filename is not None]


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """Read one request with a Content-Length or without a body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        lines = [line.partition(":") for line in head.decode().split("\r\n")[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Asked(head + body, method, target, headers, body)


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer that says how long it is."""
    head = await reader.readuntil(b"\r\n\r\n")
    match = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    return head + await reader.readexactly(int(match[1]) if match else 0)


Answering = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class Told:
    """A backend that answers every request as it was told, and notes what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.connections = 0
        self.answering: Answering = answer(500)


@asynccontextmanager
async def told() -> AsyncIterator[Told]:
    """Run a backend that does as it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend.connections += 1
        with suppress(ConnectionError):
            while (asked := await read_request(reader)) and not writer.is_closing():
                backend.asked.append(asked)
                await backend.answering(asked, writer)
                await writer.drain()

    async with listening(serve) as port:
        backend = Told(f"http://127.0.0.1:{port}")
        yield backend


def response(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> bytes:
    """Return an answer as bytes; its Content-Length may be a lie."""
    lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(status: int, body: bytes | Any = b"", **headers: Any) -> Answering:
    """Answer every request in the same way; what is not bytes becomes JSON."""
    return raw(response(status, body if isinstance(body, bytes) else orjson.dumps(body), **headers))


def raw(content: bytes, *, reset: bool = False) -> Answering:
    """Send these bytes; then cut the connection, if `reset`."""

    async def send(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if reset:
            writer.transport.abort()

    return send


def in_turn(*answers: Answering) -> Answering:
    """Answer the first request in the first way, and so on; the last way is that of all further ones."""
    left = list(answers)

    async def send(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(asked, writer)

    return send


async def silence(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer nothing, until the backend is gone."""
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def hasty(content: bytes, read: int) -> AsyncIterator[str]:
    """Run a server that reads so many bytes, sends `content` and closes the connection; give its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(read)
            writer.write(content)
            await writer.drain()
        writer.close()

    async with listening(serve) as port:
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the answer to it."""

    asked: Asked
    answer: bytes

    @property
    def status(self) -> int:
        return int(self.answer.split(b" ", 2)[1])

    @property
    def answer_headers(self) -> dict[str, str]:
        head = self.answer.partition(b"\r\n\r\n")[0].decode()
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        return {name.lower(): value.strip() for name, _, value in lines}

    @property
    def answer_body(self) -> bytes:
        return self.answer.partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def recorded(port: int) -> AsyncIterator[tuple[str, list[Exchange]]]:
    """Stand between a client and a backend on this machine; give the address, and what has been said so far."""
    exchanges: list[Exchange] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while asked := await read_request(reader):
                behind_writer.write(asked.raw)
                answered = await read_answer(behind_reader)
                exchanges.append(Exchange(asked, answered))
                writer.write(answered)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            behind_writer.transport.abort()

    async with listening(pass_on) as here:
        yield f"http://127.0.0.1:{here}", exchanges


def only(exchanges: Sequence[Exchange]) -> Asked:
    """Return the one request there was."""
    [exchange] = exchanges
    return exchange.asked
