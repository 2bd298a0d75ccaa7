"""The upload entry: what a page sends with a ticket is taken, and nothing else of the system can be reached there."""

import base64
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from select import select
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import redis

from services.catalog.resumable.stated import METADATA_MAX
from services.catalog.tickets.ticket import TEXT_MAX
from services.core.serving.request_log import ID_HEADER
from services.core.state import keys
from tests.e2e.test_security_requests import lines, talk
from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.handled import handled_by
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.tus import VERSION, beginning
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

PAGE = {"Origin": "https://shop.example.com"}
TUS = "a0B_-9"
PATHS = (
    *("/", "/file", "/files", "/upload", "/tickets", "/catalog", "/catalog/search", "/jobs", "/jobs/sync", "/tus"),
    *("/openapi.json", "/api-docs", "/readiness-check", "/healthz", "/metrics", "/generations", "/purge/catalog"),
    *("/assets/media/original/DEV/x.jpg", "/catalog/get-dump/latest", "/.signed", "/.signature", "/@refused"),
    *("//file", "/./file", "/direct/../file", "/direct/..//file", "/direct/%2e%2e/file", "/direct/..%2ffile"),
    *("/direct%2f..%2ffile", "/direct/;/../file", "/direct;/../file", "/direct%00/../file", "/direct/.%2e/catalog"),
    *("/direct%2f%2e%2e%2fcatalog", "/direct/x/../../catalog", "/direct\\..\\file", "/direct/..%5cfile"),
    *("/direct/tus/../../file", "/direct/tus/..%2f..%2ffile", "/direct/tus/%2e%2e%2f%2e%2e%2fcatalog"),
    *(f"/direct/tus/{TUS}/../../../catalog", f"/direct/tus/{TUS}/x", f"/direct/tus/{TUS}%2f..%2f..%2fcatalog"),
    *("/direct/tus/..", "/direct/tus/.%2e", "/direct/tus/a.b", "/direct/tus/a%20b", "/direct/tus/%00", "/direct/tus/é"),
    *("/direct/tus/" + "a" * 200, "/directory", "/direct.json", "/direct/file", "/DIRECT", "/direct/tusk"),
    *("http://localhost/file", "http://evil.example/direct/../file", "http://localhost//catalog", "localhost/file"),
    *("*", "/direct?x=/../file", "/direct#/../file", "/direct/tus?y=/file", "/%64irect", "//direct//tus"),
)
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "PURGE", "TRACE")
PASSED_ON = re.compile(r"/direct(/tus(/[A-Za-z0-9_-]{1,128})?)?")


def ticket(system: System, **wanted: Any) -> dict[str, Any]:
    answer = system.api.post("/tickets", json={"namespace": "DEV", **wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"][0]
    return found


def upload(system: System, text: str, content: bytes, name: str = "cat.jpg", **form: str) -> httpx.Response:
    files = {"file": (name, content)}
    return system.uploads.post("/direct", params={"ticket": text}, files=files, data=form, headers=PAGE)


def paths_in(log: str) -> list[str]:
    return re.findall(r'"event":"request".*?"path":"([^"]*)"', log)


def test_no_spelling_of_an_address_leads_anywhere_else(system: System) -> None:
    """Without a token configured, everything that could be reached from this machine would be done."""
    before = {name: {*system.log(name).splitlines()} for name in ("catalog", "transform")}
    asked = [
        lines(f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Length: 0", "Connection: close")
        for path in PATHS
        for method in METHODS
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: talk(system.ports.upload, one), asked))
    for one, answer in zip(asked, answers, strict=True):
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
        assert status, (one, answer)
        assert int(status[1]) in (400, 403, 404, 405) or one.startswith("OPTIONS "), (one, answer)
    # Whoever waited for the start may have asked for its health, and be told late.
    # Each service has several processes, with a log each.
    since = {name: [line for line in system.log(name).splitlines() if line not in before[name]] for name in before}
    passed_on = {*paths_in("\n".join(since["catalog"]))} - {"/readiness-check"}
    assert {path for path in passed_on if not PASSED_ON.fullmatch(path)} == set()
    assert [line for line in since["transform"] if '"event":"request"' in line] == []


def test_a_method_that_is_not_for_uploads_is_refused_with_those_that_are(system: System) -> None:
    for path, methods in (
        ("/direct", "POST, OPTIONS"),
        (f"/direct/tus/{TUS}", "POST, PATCH, HEAD, DELETE, OPTIONS"),
    ):
        answer = system.uploads.get(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        assert problem(answer)["code"] == "method_not_allowed"


def test_a_page_of_another_origin_asks_first_and_then_uploads(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    offset = len(system.log("nginx-cache"))
    made = ticket(system, filename=name, expires_in=60)
    address = made["upload_url"].replace("localhost", "127.0.0.1")
    asks = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-requested-with"}
    preflight = httpx.options(address, headers=asks)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]
    sent = httpx.post(address, files={"file": ("IMG_1.JPG", photos["china.jpg"])}, headers=PAGE, timeout=30)
    assert sent.status_code == 200, sent.text
    assert sent.headers["access-control-allow-origin"] == "*"
    assert sent.headers["x-purge"] == "done"
    [seen] = sent.json()["data"]
    assert httpx.get(seen["public_url"]).status_code == 200
    again = httpx.post(address, files={"file": ("IMG_1.JPG", photos["flower.jpg"])}, headers=PAGE)
    assert problem(again)["code"] == "ticket_used"
    # A replay at the internal entry is no better.
    inside = system.api.post("/direct", params={"ticket": made["ticket"]}, files={"file": photos["flower.jpg"]})
    assert problem(inside)["code"] == "ticket_used"
    assert '"by":"ticket of anybody"' in system.log("catalog")
    # No log has a ticket, with which somebody else could upload.
    wait_until(lambda: '"service":"upload"' in system.log("nginx-cache")[offset:])
    for part in ("nginx-cache", "catalog"):
        assert made["ticket"][:40] not in system.log(part)


def test_of_two_uploads_at_once_one_replica_takes_one(system: System, photos: dict[str, bytes], name: str) -> None:
    text = ticket(system, destination=name)["ticket"]
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda number: upload(system, text, photos["china.jpg"], f"{number}.jpg"), range(6))
        statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [403] * 5
    found = system.api.get("/catalog", params={"filterByKey": "destination", "filterByValue": name}).json()
    assert len(found) == 1


def test_the_longest_tickets_and_metadata_fit_into_the_headers_of_answers(system: System) -> None:
    text = ticket(system, fields={"meta": {"note": "x" * 2700}})["ticket"]
    assert 3800 < len(text) <= TEXT_MAX
    told = beginning(100, note="x" * 4900)
    assert 6500 < len(told["Upload-Metadata"]) <= METADATA_MAX
    for entry, path, query in ((system.uploads, "/direct/tus", f"?ticket={text}"), (system.api, "/tus", "")):
        begun = entry.post(f"{path}{query}", headers=told)
        assert begun.status_code == 201, begun.text
        upload_path = urljoin(path, begun.headers["location"])
        seen = entry.head(upload_path, headers=VERSION)
        assert (seen.status_code, seen.headers["upload-metadata"]) == (200, told["Upload-Metadata"])
        assert entry.delete(upload_path, headers=VERSION).status_code == 204


def test_a_post_that_means_head_is_answered_with_the_whole_refusal(system: System) -> None:
    """The client waits for as many bytes as Content-Length says, and holds connections until they come."""
    for port, path in ((system.ports.upload, "/direct/tus/none"), (system.ports.api, "/tus/none")):
        head = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Length: 0", "Connection: close")
        answer = talk(port, lines(*head, "Tus-Resumable: 1.0.0", "X-HTTP-Method-Override: HEAD"))
        told, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", told)
        assert length, told
        assert len(body) == int(length[1]) > 0


def test_what_is_too_large_is_refused_before_it_is_sent_and_a_client_may_ask_first(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    text = ticket(system, max_size=1000, filename=name)["ticket"]
    head = (
        f"POST /direct?ticket={text} HTTP/1.1",
        "Host: localhost",
        "Content-Type: multipart/form-data; boundary=b",
        "Connection: close",
    )
    answer = talk(system.ports.upload, lines(*head, "Content-Length: 500000000"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    body = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nx\r\n--b--\r\n'
    asking = lines(*head, f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert talk(system.ports.upload, asking + body).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")
    chunks = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    assert talk(system.ports.upload, lines(*head, "Transfer-Encoding: chunked") + chunks).startswith(b"HTTP/1.1 400 ")
    too_large = upload(system, text, photos["china.jpg"])
    assert (too_large.status_code, problem(too_large)["code"]) == (413, "too_large")


def test_headers_of_the_public_mean_nothing_there(system: System, photos: dict[str, bytes], name: str) -> None:
    text = ticket(system, filename=name)["ticket"]
    headers = {
        **PAGE,
        ID_HEADER.decode(): "an-id-of-the-public",
        "Authorization": "Bearer whatever",
        "X-Generation": "9999999999999999",
        "X-HTTP-Method-Override": "DELETE",
        "Content-Encoding": "gzip",
        "X-Forwarded-For": "192.0.2.1",
    }
    answer = system.uploads.post(
        "/direct", params={"ticket": text}, files={"file": ("a.jpg", photos["china.jpg"])}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers[ID_HEADER.decode()] != "an-id-of-the-public"


def test_one_address_cannot_hold_all_connections(system: System) -> None:
    tickets = [ticket(system, uses=100)["ticket"] for _ in range(2)]
    start = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    with ExitStack() as stack:
        paused = [
            stack.enter_context(socket.create_connection(("127.0.0.1", system.ports.upload), timeout=10))
            for _ in range(140)
        ]
        for number, connection in enumerate(paused):
            address = f"POST /direct?ticket={tickets[number % 2]} HTTP/1.1"
            kind = "Content-Type: multipart/form-data; boundary=b"
            connection.sendall((lines(address, "Host: localhost", kind, "Content-Length: 9000") + start).encode())
        wait_until(lambda: len(select(paused, [], [], 0)[0]) >= 12, within=10)
        answered = [connection.recv(4096) for connection in select(paused, [], [], 0)[0]]
        assert len(answered) == 12
        assert all(answer.startswith(b"HTTP/1.1 429 ") for answer in answered)
        assert system.api.get("/readiness-check").status_code == 200
    wait_until(lambda: system.uploads.post("/direct").status_code == 403, within=10)


def test_a_ticket_outlives_the_process_that_was_killed_and_is_still_for_one_asset(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(TICKET_KEYS="k" * 32)
    made = ticket(system)
    text = made["ticket"]
    head = lines(
        f"POST /direct?ticket={text} HTTP/1.1",
        "Host: localhost",
        "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 100000",
    )
    start = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", system.ports.upload), timeout=10) as half:
        half.sendall((head + start).encode() + photos["china.jpg"][:5000])
        with redis.Redis(port=system.ports.redis) as client:
            wait_until(lambda: bool(client.exists(keys.ticket(made["id"]))))
            assert problem(upload(system, text, photos["china.jpg"]))["code"] == "ticket_used"
            system.kill("catalog")
            client.delete(*client.keys(keys.alive("*")))  # As by itself after some seconds.
            assert upload(system, text, photos["china.jpg"]).status_code == 503
        # Whoever reads the log could use the ticket, which is still good.
        assert text not in system.log("nginx-cache")
        system.start("catalog")
        wait_until(lambda: upload(system, text, photos["china.jpg"]).status_code == 200)
    assert problem(upload(system, text, photos["china.jpg"], "b.jpg"))["code"] == "ticket_used"
    assert len(system.api.get("/catalog").json()) == 1


INTEGRATING = (ROOT / "docs/integrating.md").read_text()
[PAGE_OF_DOCUMENTATION] = [
    page for page in re.findall(r"```html\n(.+?)```", INTEGRATING, re.DOTALL) if '<form id="upload">' in page
]
[WANTED] = re.findall(r"-d '([^']+)' \\\n *http://localhost:3001/tickets", INTEGRATING)
SUBMIT = """<script>
const chosen = new DataTransfer();
const bytes = Uint8Array.from(atob("PHOTO"), (one) => one.charCodeAt(0));
chosen.items.add(new File([bytes], "IMG_1.JPG", {type: "image/jpeg"}));
document.querySelector("input[type=file]").files = chosen.files;
document.querySelector("input[name=alt]").value = "A temple";
document.querySelector("button").click();
</script>"""


@contextmanager
def application(system: System, page: str) -> Iterator[str]:
    """Serve a page, and tickets for it, as an application would; yield its address."""

    class Application(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._answer(page.encode(), "text/html")

        def do_POST(self) -> None:
            self._answer(json.dumps(ticket(system, **json.loads(WANTED))).encode(), "application/json")

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with handled_by(Application) as address:
        yield address


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium")
def test_the_page_of_the_documentation_uploads_in_a_browser(system: System, tmp_path: Path) -> None:
    photo = base64.b64encode(encoded(marked((64, 48), RED), "JPEG")).decode()
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    with application(system, PAGE_OF_DOCUMENTATION + SUBMIT.replace("PHOTO", photo)) as address:
        command += ["--virtual-time-budget=10000", "--dump-dom", address]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    address = f"{system.stack.edge_url}/assets/media/full/DEV/avatars/IMG_1.webp"
    assert f'<p id="said">{address}</p>' in ended.stdout
    [entry] = system.api.get("/catalog", params={"filterByKey": "destination", "filterByValue": "avatars"}).json()
    assert (entry["alt"], entry["tags"]) == ("A temple", ["avatar"])
