"""An S3 server that keeps keys letter by letter, as Amazon's does.

Other servers, that of the tests too, take away a slash at the beginning of a key. It has one bucket in memory, and asks
for no signature.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3
"""Keys of one listing."""
Objects = dict[str, bytes]


@contextmanager
def keeping_s3(bucket: str, objects: Objects) -> Iterator[str]:
    """Serve the objects of a bucket while the context is open; yield the address. What is stored is added to them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path.strip("/") == bucket:
                self._answer(200, _page(objects, parse_qs(asked.query)))
            elif self._key in objects:
                self._answer(200, objects[self._key])
            else:
                self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["If-None-Match"] == "*" and self._key in objects:
                self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            objects[self._key] = content
            self._answer(200, b"", content)

        def do_DELETE(self) -> None:
            objects.pop(self._key, None)
            self._answer(204, b"")

        def do_HEAD(self) -> None:
            self._answer(200 if self._key in objects else 404, b"")

        @property
        def _key(self) -> str:
            return unquote(urlsplit(self.path).path).removeprefix(f"/{bucket}/")

        def _answer(self, status: int, body: bytes, stored: bytes | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.md5(stored or body, usedforsecurity=False).hexdigest()}"')
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _page(objects: Objects, asked: dict[str, list[str]]) -> bytes:
    [after] = asked.get("continuation-token", [""])
    [prefix] = asked.get("prefix", [""])
    keys = sorted(key for key in objects if key.startswith(prefix) and key > after)
    listed, more = keys[:PAGE], len(keys) > PAGE
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size></Contents>" for key in listed
    )
    following = f"<NextContinuationToken>{escape(listed[-1])}</NextContinuationToken>" if more else ""
    return (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{following}{contents}</ListBucketResult>"
    ).encode()
