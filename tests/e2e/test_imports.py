"""Files that come from addresses: a whole import, whatever happens to the catalog service meanwhile."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx

from tests.processes.system import System
from tests.support.handled import handled_by
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

COUNT = 20


@contextmanager
def served(content: bytes, asked: Counter[str], seconds: float) -> Iterator[str]:
    """Serve the same bytes at each path, half of them `seconds` after the other half, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(content[: len(content) // 2])
                time.sleep(seconds)
                self.wfile.write(content[len(content) // 2 :])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with handled_by(Handler) as address:
        yield address


def job(system: System, path: str) -> dict[str, Any]:
    with suppress(httpx.TransportError):
        answer = system.api.get(path)
        if answer.status_code == 200:
            return dict(answer.json()["data"][0])
    return {"status": "unknown", "result": None}


def done(system: System, path: str) -> int:
    return int((job(system, path)["result"] or {}).get("done_count", 0))


def test_an_import_makes_each_asset_once_although_the_catalog_is_killed(make_system: Callable[..., System]) -> None:
    """All files want the same name, so an upload that is repeated would make one more asset."""
    system, asked = make_system(OUTWARD_ALLOWED="127.0.0.1"), Counter[str]()
    with served(pdf(), asked, 0.1) as source:
        items = [
            {"url": f"{source}/{at}.pdf", "namespace": "DEV", "filename": "leaflet.pdf", "on_conflict": "rename"}
            for at in range(COUNT)
        ]
        answer = system.api.post("/imports", json={"items": items})
        assert answer.status_code == 202, answer.text
        path = answer.headers["location"]
        for least in (3, 9):
            wait_until(lambda least=least: done(system, path) >= least)
            system.kill("catalog")
            system.start("catalog")
        wait_until(lambda: job(system, path)["status"] == "done", 60)
    ended = job(system, path)
    assert (ended["result"]["done_count"], ended["result"]["failed_count"]) == (COUNT, 0)
    entries = system.api.get("/catalog").json()
    assert sorted(entry["uuid"] for entry in entries) == sorted(one["uuid"] for one in ended["result"]["items"])
    assert len(entries) == COUNT
    assert sum(asked.values()) > COUNT, "it was killed while it fetched"
    kept = {entry["storage_key"] for entry in entries}
    wait_until(lambda: system.stored_files().keys() == kept)  # Also nothing is left in the spool.


def test_an_import_inside_the_network_is_refused_by_default(system: System) -> None:
    refused = system.api.post("/imports", json={"url": f"http://127.0.0.1:{system.ports.api}/", "namespace": "DEV"})
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (400, "outward_refused")
    edge = httpx.post(f"http://127.0.0.1:{system.ports.edge}/imports", json={"url": "https://a.example/x.jpg"})
    assert edge.status_code in (403, 404, 405)
