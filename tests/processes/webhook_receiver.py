"""A real receiver of webhooks, in threads of the test: it notes what arrives, and answers as the test says."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. Without a status, the connection is cut; before that, `seconds` go by."""

    status: int | None = 204
    seconds: float = 0.0
    headers: Mapping[str, str] | None = None
    text: str = ""


@dataclass(slots=True)
class Arrival:
    """A request, as it came. `at` is its place among all arrivals and acknowledgements; `acknowledged` is that of the
    answer 2xx, None if there was none."""

    at: int
    headers: Mapping[str, str]
    body: bytes
    acknowledged: int | None = None

    @property
    def event(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body)["data"])

    @property
    def number(self) -> int:
        return int(self.headers["webhook-id"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # With the usual 5, some of those who come at the same time are not let in.


class Receiver:
    """Listens on 127.0.0.1 from the beginning. `reply` says what is answered to an arrival."""

    def __init__(self, reply: Callable[[Arrival], Reply] = lambda _: Reply()) -> None:
        self.reply = reply
        self.arrivals: list[Arrival] = []
        self._places, self._lock = 0, threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What has been acknowledged, in the order of the acknowledgements."""
        done = sorted((one.acknowledged, at) for at, one in enumerate(self.arrivals) if one.acknowledged is not None)
        return [self.arrivals[at].event for _, at in done]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        length = int(handler.headers["content-length"])
        body = handler.rfile.read(length)
        if len(body) < length:
            return  # The sender was killed while it sent.
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            arrival = Arrival(self._place(), headers, body)
            self.arrivals.append(arrival)
        reply = self.reply(arrival)
        time.sleep(reply.seconds)
        if reply.status is None:
            return
        if 200 <= reply.status < 300:
            with self._lock:
                arrival.acknowledged = self._place()
        with suppress(OSError):  # Nobody waits for the answer any more.
            handler.send_response(reply.status)
            text = reply.text.encode()
            for name, value in {**(reply.headers or {}), "content-length": str(len(text))}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(text)

    def _place(self) -> int:
        self._places += 1
        return self._places
