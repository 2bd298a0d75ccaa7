"""The jobs worker's connection to one node of the gateway: it asks for the position and sends changes.

gateway/nginx/tada/generations.lua is the other side.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httptools
import orjson

TOKEN_HEADER = "X-Purge-Token"  # noqa: S105 - the name of the header, not a token
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0
_PATH = "/generations"
_OK, _GAP = 200, 409


class NodeAway(Exception):
    """A node does not follow a request: it is down, cannot be found, is too slow, or refuses the token."""


class Gap(Exception):
    """A node lacks changes before the ones that were sent."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes after `since` up to `to`, each as lines of text. If `since` is None, the node begins again.

    `is_last`: there are no more changes, so the node is up to date then.
    """

    since: int | None
    to: int
    is_last: bool
    lines: Sequence[str]

    def to_text(self) -> str:
        begin = "reset" if self.since is None else self.since
        return f"{begin} {self.to} {'now' if self.is_last else 'more'}\n{''.join(self.lines)}"


class Node(Protocol):
    """A receiver of changes."""

    @property
    def address(self) -> str: ...

    async def position(self) -> int:
        """Return the number of the last change that it has; raises NodeAway."""

    async def apply(self, batch: Batch) -> int:
        """Send changes and return its position after them; raises NodeAway, and Gap if it lacks earlier ones."""

    def close(self) -> None:
        """Give up the connection."""


class GatewayNode:
    """One nginx, by its address. Requests to it are sent one after the other over one connection."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._parts = urlsplit(address)
        self._head = f"{self._parts.path}{_PATH} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n{TOKEN_HEADER}: {token}\r\n"
        self._connection: _Connection | None = None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    async def position(self) -> int:
        return await self._ask("GET", b"")

    async def apply(self, batch: Batch) -> int:
        return await self._ask("POST", batch.to_text().encode())

    async def _ask(self, method: str, body: bytes) -> int:
        request = f"{method} {self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, answer = await self._send(request)
        except (OSError, httptools.HttpParserError) as error:  # TimeoutError is an OSError.
            self.close()
            raise NodeAway(f"{self.address} cannot be reached: {str(error) or 'timeout'}") from error
        except BaseException:
            self.close()
            raise
        if status == _GAP:
            raise Gap
        if status != _OK:
            raise NodeAway(f"{self.address} answered {status} to {method} {_PATH}")
        try:
            return int(orjson.loads(answer)["position"])
        except (ValueError, TypeError, KeyError) as error:
            raise NodeAway(f"{self.address} is not a node of this gateway: it has no position") from error

    async def _send(self, request: bytes) -> tuple[int, bytes]:
        if self._connection:
            # It may have been closed since its last use: sending the same changes again does no harm.
            try:
                return await self._connection.send(request)
            except ConnectionError:
                self.close()
        self._connection = await self._connect()
        return await self._connection.send(request)

    async def _connect(self) -> "_Connection":
        secure = ssl.create_default_context() if self._parts.scheme == "https" else None
        port = self._parts.port or (443 if secure else 80)
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, self._parts.hostname or "", port, ssl=secure
            )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self) -> None:
        self._body: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer; raises ConnectionError and HttpParserError."""
        if self._transport.is_closing():
            raise ConnectionResetError("connection closed")
        self._body.clear()
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

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._body)))

    def connection_lost(self, error: Exception | None) -> None:
        self._end(ConnectionResetError(str(error or "connection closed")))

    def _end(self, error: Exception) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
