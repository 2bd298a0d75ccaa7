"""How a service listens, and stops."""

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.core import descriptors
from services.core.errors import BadRequest
from services.core.serving.web import error_response
from services.core.settings import ServerSettings

_STARTUP_FAILURE = 3
"""The exit status of uvicorn if an application cannot start."""
_LAST_REQUESTS_SECONDS = 0.5
"""How long a request may take to arrive on a connection that is open when the service is told to stop."""
JOINED_MAX = 64 * 1024
"""Bytes that wait to be sent together with others: as many as a transport holds before it asks for a pause."""
UNREADABLE = BadRequest(
    "The request cannot be read.",
    "Check it for control characters, an unknown method, a wrong Content-Length, and an address that is "
    "not percent-encoded.",
)


class Joined:
    """A transport that sends what is written in one turn of the event loop together, up to `JOINED_MAX` bytes.

    uvicorn writes the head of an answer and its body one after the other. Each alone costs a system call here, and
    wakes the gateway. Everything else is the business of the transport itself.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)
        self._size += len(data)
        if self._size > JOINED_MAX:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        written, self._written, self._size = self._written, [], 0
        if written and not self._transport.is_closing():  # The client may have left meanwhile.
            self._transport.writelines(written)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1. Its answers are written in one piece, and the one error that it answers itself gets the shape
    of all errors.

    A request that cannot be parsed does not reach the application. The method that answers it is not a documented
    interface of uvicorn. If it gets another name, uvicorn's text is sent again, and tests/e2e/test_bad_input.py fails.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", Joined(transport, self.loop)))

    def send_400_response(self, msg: str) -> None:
        answer = error_response(UNREADABLE)
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[400], lines, bytes(answer.body)))
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, which waits for the requests of open connections before it stops.

    uvicorn alone closes every connection on which no request has been read, even if a request is just arriving. The
    gateway may send such a request to another process if it only reads, but not if it writes. `stopping` is called
    first, to end answers that would not end by themselves.
    """

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = time.monotonic() + _LAST_REQUESTS_SECONDS
        while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def serve(app: ASGIApp, settings: ServerSettings, stopping: Callable[[], None] = lambda: None) -> None:
    """Run a service until it is told to stop; requests in flight may finish. Then `stopping` is called first."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        uds=settings.unix_socket or None,
        loop="uvloop",
        http=Protocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        # By default uvicorn takes the peer's address from a header that anybody can send.
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    server = Server(config, stopping)
    descriptors.raise_limit()
    # The objects that exist now stay: the collector need not visit tens of thousands of objects again and again.
    gc.collect()
    gc.freeze()
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        if settings.unix_socket:
            Path(settings.unix_socket).unlink(missing_ok=True)
    if not server.started:
        sys.exit(_STARTUP_FAILURE)
