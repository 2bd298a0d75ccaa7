"""Connections of httpx that notice a refusal while an upload is being sent.

A backend may refuse a large file (401, 413) and close before it has read it. httpcore 1.0.9 reads nothing while it
sends, so its next write fails and the answer is lost: a refusal looks like a broken connection. Here the answer is read
at once, and a refusal ends the sending.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore
import httpx

_READ = 64 * 1024
_REFUSAL = re.compile(rb"HTTP/1\.[01] [45]")
"""After an answer with another status, the backend may still want the rest."""


class ListeningTransport(httpx.AsyncHTTPTransport):
    """The transport of httpx, with connections that read while they write."""

    def __init__(self, idle_connections: int, idle_seconds: float) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=idle_connections,
            keepalive_expiry=idle_seconds,
            network_backend=_Network(),
        )


class _Network(httpcore.AnyIOBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Listening(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Listening(httpcore.AsyncNetworkStream):
    """A connection that reads ahead while a body is being written."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._writes = 0
        """Writes since the last read: the second one is of a body."""
        self._ahead: asyncio.Task[bytes] | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - see above
        self._writes = 0
        if self._ahead is None:
            return await self._stream.read(max_bytes, timeout)
        done, _ = await asyncio.wait({self._ahead}, timeout=timeout)
        if not done:
            raise httpcore.ReadTimeout
        found, self._ahead = self._ahead, None
        return found.result()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - see above
        self._writes += 1
        if self._writes > 1 and self._ahead is None:
            self._ahead = asyncio.create_task(self._stream.read(_READ))
        try:
            if not self._refused():
                await self._stream.write(buffer, timeout)
        except httpcore.WriteTimeout:
            if not self._refused():
                raise
        if self._refused():
            # httpcore then reads the answer.
            raise httpcore.WriteError("the request is refused already")

    def _refused(self) -> bool:
        ahead = self._ahead
        if ahead is None or not ahead.done() or ahead.cancelled() or ahead.exception():
            return False
        return _REFUSAL.match(ahead.result()) is not None

    async def aclose(self) -> None:
        if self._ahead:
            self._ahead.cancel()
            with suppress(asyncio.CancelledError, httpcore.NetworkError):
                await self._ahead
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - see above
    ) -> httpcore.AsyncNetworkStream:
        return _Listening(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
