"""Requests to one server over one connection: what the jobs worker needs of HTTP to talk to nodes of the gateway."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

CONNECT_SECONDS = 1.0


class Unreachable(Exception):
    """A server gives no answer: it cannot be found, takes no connection, is too slow, or speaks something else."""


@dataclass(slots=True)
class Answer:
    """An answer. The names of its headers are in small letters."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Server:
    """A server, by its address. Requests are sent one after the other, over one connection as long as it is open.

    With `open_end`, an answer without a length ends with its connection, as small programs send it: it could be cut.
    """

    def __init__(self, address: str, connect_seconds: float = CONNECT_SECONDS, *, open_end: bool = False) -> None:
        self._parts, self._connect_seconds, self._open_end = urlsplit(address), connect_seconds, open_end
        self._connection: _Connection | None = None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        seconds: float,
        keep_body: bool = True,
    ) -> Answer:
        """Send a request and return the answer, with its body only if that is kept; raises Unreachable.

        If the connection was closed since its last use, the request is sent again.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {self._parts.path}{path} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n{lines}"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            async with asyncio.timeout(seconds):
                return await self._send(request, keep_body)
        # TimeoutError is an OSError. A name that no host can have is a UnicodeError.
        except (OSError, UnicodeError, httptools.HttpParserError) as error:
            self.close()
            raise Unreachable(str(error) or "timeout") from error
        except BaseException:
            self.close()
            raise

    async def _send(self, request: bytes, keep_body: bool) -> Answer:
        if self._connection:
            try:
                return await self._connection.send(request, keep_body)
            except ConnectionError:
                self.close()
        self._connection = await self._connect()
        return await self._connection.send(request, keep_body)

    async def _connect(self) -> "_Connection":
        secure = ssl.create_default_context() if self._parts.scheme == "https" else None
        port = self._parts.port or (443 if secure else 80)
        async with asyncio.timeout(self._connect_seconds):
            _, connection = await asyncio.get_running_loop().create_connection(
                partial(_Connection, open_end=self._open_end), self._parts.hostname or "", port, ssl=secure
            )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self, *, open_end: bool) -> None:
        self._open_end = open_end
        self._body: list[bytes] = []
        self._headers: dict[str, str] = {}
        self._keep_body = True
        self._ends_with_connection = False
        self._answer: asyncio.Future[Answer] | None = None

    async def send(self, request: bytes, keep_body: bool) -> Answer:
        """Return the answer; raises ConnectionError and HttpParserError."""
        if self._transport.is_closing():
            raise ConnectionResetError("connection closed")
        self._body.clear()
        self._headers = {}
        self._ends_with_connection = False
        self._keep_body = keep_body
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser: Any = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        has_end = not self._headers.keys().isdisjoint(("content-length", "transfer-encoding"))
        self._ends_with_connection = self._open_end and not has_end

    def on_body(self, body: bytes) -> None:
        if self._keep_body:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), self._headers, b"".join(self._body)))

    def connection_lost(self, error: Exception | None) -> None:
        if self._ends_with_connection and not error:
            self.on_message_complete()
        self._end(ConnectionResetError(str(error or "connection closed")))

    def _end(self, error: Exception) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
