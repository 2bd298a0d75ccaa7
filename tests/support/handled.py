"""A server of a test's own on this machine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def handled_by(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer HTTP with a handler, and yield the address."""
    made: Any = handler  # A class, or what makes one of it: socketserver only calls it.
    with ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
