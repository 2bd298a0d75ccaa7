"""Clients that begin a request and never come to its end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HEADERS_WITHIN, BODY_WITHIN = 15, 30
"""Seconds, client_header_timeout and client_body_timeout of gateway/nginx/common.conf.template."""
_HEAD = b"GET /catalog HTTP/1.1\r\nHost: x\r\nX-Slow: "
_FORM = (
    b"POST /file HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="namespace"\r\n\r\nDE'
)


class Silent:
    """Uploads that stop in the middle; `began` is when (monotonic)."""

    def __init__(self, port: int, count: int) -> None:
        self.began = time.monotonic()
        self.connections = _opened([port], count, _FORM)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


@contextmanager
def dripping(ports: list[int], count: int) -> Iterator[list[socket.socket]]:
    """Hold so many connections to each port open, with a header that grows by a byte a second."""
    connections = _opened(ports, count, _HEAD)
    over = threading.Event()

    def drip() -> None:
        while not over.wait(1):
            for connection in connections:
                with suppress(OSError):
                    connection.sendall(b"x")

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        yield connections
    finally:
        over.set()
        dripper.join()
        for connection in connections:
            connection.close()


def has_ended(connection: socket.socket) -> bool:
    """Say whether the server has closed a connection, whatever it has said before."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _opened(ports: list[int], count: int, begin: bytes) -> list[socket.socket]:
    connections = [socket.create_connection(("127.0.0.1", port), timeout=5) for port in ports for _ in range(count)]
    for connection in connections:
        connection.sendall(begin)
    return connections
