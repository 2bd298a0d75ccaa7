"""A service that is told to stop."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

PROGRAM = """
import sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from services.core.serving.server import serve
from services.core.settings import ServerSettings
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"), methods=["GET", "POST"])])
serve(app, ServerSettings(host="127.0.0.1", port=int(sys.argv[1])))
"""


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def service() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    [port] = free_ports(1)
    process = children.start([sys.executable, "-c", PROGRAM, str(port)], cwd=ROOT)
    try:
        wait_until(lambda: listens(port))
        yield process, port
    finally:
        process.kill()
        process.wait()


def test_who_has_connected_before_it_stops_is_answered_also_a_write(
    service: tuple[subprocess.Popen[bytes], int],
) -> None:
    process, port = service
    new, used = (http.client.HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(2))
    new.connect()
    used.request("GET", "/")
    used.getresponse().read()
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: not listens(port))
    for connection in (new, used):
        connection.request("POST", "/", b"something")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"here")
        assert answer.headers["connection"] == "close", "nothing more shall be sent there"
    assert process.wait(5) in (0, -signal.SIGTERM)
