"""A content management system with one form: python -m examples.picker

Its page has two fields in which people pick files of TADA. What they pick is shown on the next page, as a website would
show it. The token of TADA, if it has any, stays here, in MEDIA_TOKEN: only the page asks for it, and a real application
would give it only to those who are logged in.
"""

import argparse
import html
import os
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class Page(BaseHTTPRequestHandler):
    """Answers requests. `library` is the address of the library, `token` a token of TADA."""

    def __init__(self, library: str, token: str, *given: object) -> None:
        self.library, self.token = library, token
        super().__init__(*given)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/token":
            self._answer(200, "text/plain", self.token)
            return
        file = STATIC / (path.removeprefix("/") or "index.html")
        if file.parent != STATIC or file.suffix not in TYPES or not file.is_file():
            self._answer(404, "text/plain", "There is no such page.")
            return
        self._answer(200, TYPES[file.suffix], file.read_text().replace("{library}", html.escape(self.library)))

    def do_POST(self) -> None:
        """Show what the form has sent. A real application keeps it."""
        sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        rows = "".join(
            f"<dt>{html.escape(name)}</dt>" + "".join(f"<dd>{html.escape(value)}</dd>" for value in values)
            for name, values in sent.items()
        )
        self._answer(200, TYPES[".html"], f'<!doctype html><html lang="en"><title>Sent</title><dl>{rows}</dl></html>')

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, media_type: str, text: str) -> None:
        address = urlsplit(self.library)
        origin = f"{address.scheme}://{address.netloc}"
        policy = [
            *("default-src 'none'", "style-src 'self'", "connect-src 'self'", "form-action 'self'", "base-uri 'none'"),
            *(f"script-src 'self' {origin}", f"frame-src {origin}", "img-src http: https: data:"),
        ]
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "; ".join(policy))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def server(library: str, token: str, port: int) -> ThreadingHTTPServer:
    """Return a server on this machine, which does not answer yet."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Page, library, token))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.picker")
    parser.add_argument("--library", default="http://localhost:3001/library", help="address of the library")
    parser.add_argument("--port", type=int, default=8000, help="port of this application")
    given = parser.parse_args()
    with server(given.library, os.environ.get("MEDIA_TOKEN", ""), given.port) as made:
        print(f"http://localhost:{given.port}", flush=True)
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
