"""A server outside, whose answers a test writes byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.processes.listening import listening


@dataclass
class Source:
    """A server that sends what a test says, and notes what it is asked."""

    port: int = 0
    connections: int = 0
    asked: list[bytes] = field(default_factory=list)
    say: Callable[[str], bytes] = lambda path: answer(path.encode())
    rest: float = 0
    """Seconds between two bytes of the answer."""
    pause: float = 0
    """Seconds before the answer."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        said = self.say(head.split(b" ")[1].decode())
        await asyncio.sleep(self.pause)
        for piece in [said] if not self.rest else (said[at : at + 1] for at in range(len(said))):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self.rest)


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nlocation: {location}\r\n\r\n".encode("utf-8", "surrogatepass")


@asynccontextmanager
async def source() -> AsyncIterator[Source]:
    made = Source()
    async with listening(made.serve) as made.port:
        yield made
