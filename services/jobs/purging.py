"""Purging one node of nginx: the requests of a purge follow one another over one connection.

An asset may have hundreds of cached forms, and its writer waits until all are gone; waiting for each answer before the
next question, or a connection for each, costs several times as much.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

TOKEN_HEADER = "X-Purge-Token"  # noqa: S105 - the name of the header, no token
_CONNECT_SECONDS = 1
_PURGE_SECONDS = 5
"""For each `_AT_ONCE` keys."""
_AT_ONCE = 500
_PURGED, _NOT_CACHED = 200, 404


class PurgeFailed(Exception):
    """A node did not purge: it is down, cannot be found, or refuses the token."""


class Node:
    """One nginx, by its address. Purges at the same time have a connection each."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._parts = address, urlsplit(address)
        self._head = f"HTTP/1.1\r\nHost: {self._parts.netloc}\r\n{TOKEN_HEADER}: {token}\r\n\r\n"
        self._idle: list[_Connection] = []

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def purge(self, cache_keys: Sequence[str]) -> None:
        """Remove keys; raises PurgeFailed."""
        for at in range(0, len(cache_keys), _AT_ONCE):
            batch = cache_keys[at : at + _AT_ONCE]
            # The key exactly as it is: another spelling would be another key, and "not cached" its answer.
            requests = "".join(f"GET {self._parts.path}/purge{key} {self._head}" for key in batch).encode()
            try:
                async with asyncio.timeout(_PURGE_SECONDS):
                    statuses = await self._send(requests, len(batch))
            except (OSError, httptools.HttpParserError) as error:  # TimeoutError is an OSError.
                raise PurgeFailed(f"{self._address} cannot be reached: {error or 'timeout'}") from error
            for key, status in zip(batch, statuses, strict=True):
                if status not in (_PURGED, _NOT_CACHED):
                    raise PurgeFailed(f"{self._address} answered {status} to the purge of {key}")

    async def _send(self, requests: bytes, count: int) -> list[int]:
        while self._idle:
            # It may have been closed since: what was purged by then is purged again.
            connection = self._idle.pop()
            try:
                return await self._use(connection, requests, count)
            except ConnectionError:
                continue
        async with asyncio.timeout(_CONNECT_SECONDS):
            secure = ssl.create_default_context() if self._parts.scheme == "https" else None
            port = self._parts.port or (443 if secure else 80)
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, self._parts.hostname or "", port, ssl=secure
            )
        return await self._use(connection, requests, count)

    async def _use(self, connection: "_Connection", requests: bytes, count: int) -> list[int]:
        try:
            statuses = await connection.send(requests, count)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return statuses


class _Connection(asyncio.Protocol):
    """One connection, for one batch of requests at a time."""

    def __init__(self) -> None:
        self._statuses: list[int] = []
        self._wanted = 0
        self._done: asyncio.Future[list[int]] | None = None

    async def send(self, requests: bytes, count: int) -> list[int]:
        """Return the statuses of the answers, in their order; raises ConnectionError and HttpParserError."""
        if self._transport.is_closing():
            raise ConnectionResetError("connection closed")
        self._statuses, self._wanted = [], count
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(requests)
        return await self._done

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

    def on_message_complete(self) -> None:
        self._statuses.append(self._parser.get_status_code())
        if len(self._statuses) == self._wanted and self._done and not self._done.done():
            self._done.set_result(self._statuses)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(ConnectionResetError(str(error or "connection closed")))

    def _end(self, error: Exception) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(error)
