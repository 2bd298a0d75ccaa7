"""How a service listens, and stops."""

import asyncio
import gc
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.core import descriptors
from services.core.errors import BadRequest
from services.core.serving.web import error_response
from services.core.settings import ServerSettings

_STARTUP_FAILURE = 3
"""What uvicorn ends with when an application cannot start."""
_LAST_REQUESTS_SECONDS = 0.5
"""How long a request may take to arrive on a connection that is there when the service is told to stop."""
UNREADABLE = BadRequest(
    "The request cannot be read.",
    "Look for control characters, an unknown method, a wrong Content-Length, an address that is not percent-encoded.",
)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with the one answer that it gives itself in the shape of all errors.

    No application hears of a request that cannot be parsed. What is overridden is no documented interface of uvicorn:
    should it be called otherwise one day, uvicorn's text is back, and tests/e2e/test_bad_input.py fails.
    """

    def send_400_response(self, msg: str) -> None:
        answer = error_response(UNREADABLE)
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[400], lines, bytes(answer.body)))
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, which hears out who has connected before it stops.

    By itself it closes every connection on which no request has been read, also one whose request is just arriving. The
    gateway may send such a request once more elsewhere if it only reads, and must not if it writes.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = time.monotonic() + _LAST_REQUESTS_SECONDS
        while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn has no event of it
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def serve(app: ASGIApp, settings: ServerSettings) -> None:
    """Run a service until it is told to stop; requests in flight may finish."""
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
    server = Server(config)
    descriptors.raise_limit()
    # What is there now stays: the collector need not go through tens of thousands of objects again and again.
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
