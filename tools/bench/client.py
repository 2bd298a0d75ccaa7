"""The process that sends a list of requests over a few connections, as fast as they are answered.

wrk measures for a time; this sends each request once and measures until the last answer is there.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httptools
import uvloop

from tools.bench.load import questions, reply

_BOUNDARY = "tada-bench-4f1d"


class Connection(asyncio.Protocol):
    """One connection: sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], expected: set[int], ended: "asyncio.Future[None]") -> None:
        self._requests, self._expected, self._ended = requests, expected, ended
        self.milliseconds: list[float] = []
        self.received = 0
        self.wrong: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its interface and not its class.

    def begin(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._ended.set_result(None)
            self._transport.close()
            return
        self._parser = httptools.HttpResponseParser(self)
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.received += len(body)
        self._body = body

    def on_message_complete(self) -> None:
        self.milliseconds.append(round((time.perf_counter() - self._sent) * 1000, 3))
        status = self._parser.get_status_code()
        if status not in self._expected:
            self.wrong.append(f"{status} {self._body[:300]!r}")
        self.begin()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self.wrong.append(f"connection lost: {error}")
            self._ended.set_result(None)


def requests(work: dict[str, Any]) -> Iterator[bytes]:
    """Yield the requests as they go over the wire."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **work["headers"]}.items())
    if not work["upload"]:
        for path in work["paths"]:
            yield f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode()
        return
    content = Path(work["upload"]).read_bytes()
    for name in work["paths"]:
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="namespace"\r\n\r\nDEV\r\n--{_BOUNDARY}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        body = b"%s%s\r\n--%s--\r\n" % (head.encode(), content, _BOUNDARY.encode())
        yield (
            f"POST /file HTTP/1.1\r\n{headers}Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def send(work: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    todo, expected = requests(work), set(work["expect"])
    futures = [loop.create_future() for _ in range(work["connections"])]
    connections = []
    for number, future in enumerate(futures):
        host, port = work["addresses"][number % len(work["addresses"])]
        _, connection = await loop.create_connection(
            lambda future=future: Connection(todo, expected, future),  # type: ignore[misc]
            host,
            port,
        )
        connections.append(connection)
    started = time.perf_counter()
    for connection in connections:
        connection.begin()
    await asyncio.gather(*futures)
    return {
        "seconds": time.perf_counter() - started,
        "milliseconds": [taken for connection in connections for taken in connection.milliseconds],
        "received": sum(connection.received for connection in connections),
        "wrong": [text for connection in connections for text in connection.wrong][:3],
    }


if __name__ == "__main__":
    for asked in questions():
        reply(uvloop.run(send(asked)))
