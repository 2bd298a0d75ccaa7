"""A way to a real S3 server that notes every request, and on which requests, answers and bytes get lost or changed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tests.processes.listening import listening

Changed = TypeVar("Changed")
"""What a change makes of it: bytes, or None where the server answers by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def is_part(self) -> bool:
        return self.method == "PUT" and "partNumber=" in self.target

    def raw(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Change = Callable[[Asked, bytes], bytes]


@dataclass
class Way:
    """Nothing is changed at first. What happens is noted, and said in three functions."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    instead: Callable[[Asked], bytes | None] = lambda asked: None
    """Answers a request in place of the server, or does not."""
    there: Callable[[Asked], Asked] = lambda asked: asked
    back: Change = lambda asked, answer: answer
    """What is cut off is lost, and with it the connection."""


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    """Stand between a client and the server on this machine."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.connections += 1
        behind = await asyncio.open_connection("127.0.0.1", port)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    asked = await _read_request(reader)
                    way.asked.append(asked)
                    answer, whole = way.instead(asked), b""
                    if answer is None:
                        behind[1].write(way.there(asked).raw())
                        whole = await _read_answer(behind[0], asked.method)
                        answer = way.back(asked, whole)
                    writer.write(answer)
                    await writer.drain()
                    if len(answer) < len(whole):
                        break
        finally:
            behind[1].transport.abort()

    async with listening(serve) as here:
        way = Way(f"http://127.0.0.1:{here}")
        yield way


async def _read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split("\r\n", 1)[0].split(" ")
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    headers = {name.lower(): value.strip() for name, _, value in lines}
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_answer(reader: asyncio.StreamReader, method: str) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if method == "HEAD" or b" 204 " in head.split(b"\r\n", 1)[0]:
        return head
    if re.search(rb"(?i)\ntransfer-encoding: *chunked", head):
        return head + await reader.readuntil(b"0\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    assert length, head
    return head + await reader.readexactly(int(length[1]))


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def damaged(asked: Asked) -> Asked:
    """Return a request whose last byte is another."""
    return replace(asked, body=spoilt(asked.body)) if asked.body else asked


def spoilt(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def first(
    change: Callable[[Asked, bytes], Changed], *, of: Callable[[Asked], bool]
) -> Callable[[Asked, bytes], bytes | Changed]:
    """Change the answer to the first request of a kind, and no other."""
    done: list[Asked] = []

    def back(asked: Asked, content: bytes) -> bytes | Changed:
        if done or not of(asked):
            return content
        done.append(asked)
        return change(asked, content)

    return back
