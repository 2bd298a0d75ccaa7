"""The proxy of the failure tests does what they believe it does."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.processes.fault_proxy import Faulty, Mode

BODY = bytes(range(256)) * 1000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_PUT(self) -> None:
        with suppress(ConnectionError):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def proxy() -> Iterator[Faulty]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = Faulty(server.server_port)
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(proxy: Faulty) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy.port}", timeout=0.5) as made:
        yield made


def test_it_passes_on_what_it_gets(client: httpx.Client) -> None:
    assert client.get("/").content == BODY


@pytest.mark.parametrize(
    ("mode", "status"), [("refuse", 401), ("forbid", 403), ("fail", 500), ("garbage", 200), ("wrong", 200)]
)
def test_it_answers_itself(proxy: Faulty, client: httpx.Client, mode: Mode, status: int) -> None:
    with proxy.being(mode):
        answer = client.put("/", content=b"x" * 100_000)
        assert (answer.status_code, answer.content != BODY) == (status, True)
    assert client.get("/").content == BODY


@pytest.mark.parametrize(
    ("mode", "error"), [("down", httpx.ConnectError), ("slow", httpx.ReadTimeout), ("reset", httpx.ReadError)]
)
def test_it_breaks_connections(proxy: Faulty, client: httpx.Client, mode: Mode, error: type[Exception]) -> None:
    assert client.get("/").content == BODY
    with proxy.being(mode), pytest.raises(error):
        client.get("/")
    assert client.get("/").content == BODY


def test_it_cuts_what_is_sent(proxy: Faulty, client: httpx.Client) -> None:
    with proxy.being("cut"):
        assert client.put("/", content=BODY[:100_000]).status_code == 204
        with pytest.raises(httpx.TransportError):
            client.put("/", content=BODY)
    assert client.put("/", content=BODY).status_code == 204
