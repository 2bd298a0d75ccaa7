"""A TCP proxy in front of a real storage server, which can be told to misbehave as networks and servers do."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from tests.processes.listening import listening

Mode = Literal["pass", "down", "slow", "delay", "reset", "cut", "refuse", "forbid", "fail", "garbage", "wrong"]

_ANSWERS = {
    "refuse": (401, "text/plain", b"who are you?"),
    "forbid": (403, "application/xml", b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"),
    "fail": (500, "text/plain", b"Traceback (most recent call last): secret"),
    "garbage": (200, "text/html", b"<!doctype html><title>Log in to the hotel's wireless network</title>"),
    "wrong": (200, "image/jpeg", b"\xff\xd8\xff\xe0" + b"not what was stored" * 400),
}
_CUT_AFTER = 192 * 1024
"""Bytes that pass on a connection before it is reset: of answers with `reset`, of requests with `cut`."""
_DELAY = 0.3
"""Seconds that all that comes from the server is late."""


class Faulty:
    """The proxy, in a thread of its own. `mode` says what it does; a new mode ends the connections there are."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.mode: Mode = "pass"
        self.requests = 0
        """Connections accepted since the last change of mode."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listening = contextlib.AsyncExitStack()
        self.port = 0
        self._do(self._listen())

    def set(self, mode: Mode) -> None:
        self._do(self._set(mode))

    @contextmanager
    def being(self, mode: Mode) -> Iterator[None]:
        self.set(mode)
        try:
            yield
        finally:
            self.set("pass")

    def close(self) -> None:
        self._do(self._set("down"))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self.port = await self._listening.enter_async_context(listening(self._serve, self.port))

    async def _set(self, mode: Mode) -> None:
        before, self.mode, self.requests = self.mode, mode, 0
        for writer in self._writers.copy():
            _reset(writer)
        if mode == "down":
            await self._listening.aclose()
        elif before == "down":
            await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._writers.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "slow":
            while await reader.read(64 * 1024):
                pass  # Until the client gives up, or the mode changes.
        elif self.mode in _ANSWERS:
            await _read_request(reader)
            status, kind, body = _ANSWERS[self.mode]
            fields = (
                f"HTTP/1.1 {status} X",
                f"Content-Type: {kind}",
                f"Content-Length: {len(body)}",
                "Connection: close",
            )
            writer.write("\r\n".join([*fields, "", ""]).encode() + body)
            await writer.drain()
        else:
            await self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers.add(downstream)
        delay = _DELAY if self.mode == "delay" else 0.0
        there = asyncio.create_task(_pump(reader, downstream, _CUT_AFTER if self.mode == "cut" else None))
        back = asyncio.create_task(_pump(upstream, writer, _CUT_AFTER if self.mode == "reset" else None, delay))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            self._writers.discard(downstream)
            downstream.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None, delay: float = 0.0
) -> None:
    """Pass bytes on, each piece late by `delay` seconds; after `limit` of them, reset the connection."""
    sent = 0
    while data := await reader.read(32 * 1024):
        await asyncio.sleep(delay)
        if limit is not None and sent + len(data) > limit:
            writer.write(data[: limit - sent])
            await writer.drain()
            _reset(writer)
            return
        sent += len(data)
        writer.write(data)
        await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> None:
    """Read a request to its end, as far as its length is known: an answer before that would be another fault."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            await reader.readexactly(int(value))
        if name.lower() == b"transfer-encoding":
            await reader.readuntil(b"0\r\n")


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with an RST, as a process that dies does."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
