"""Requests made to be read in two ways, or never to end: all tiers take them for the same, or refuse them."""

import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from services.core.descriptors import raise_limit
from tests.processes.system import System, get_as_is
from tests.support.problems import problem
from tests.support.slow_clients import BODY_WITHIN, HEADERS_WITHIN, Silent, dripping, has_ended
from tests.support.waits import wait_until

CANARY = "smuggled-by-a-test"
HIDDEN = f"DELETE /catalog/{CANARY} HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOKEN = "a-token-of-the-tests-0123456789"
SILENCE = 0.5
"""Seconds."""
UNANSWERED = ("a line end in the path",)
"""nginx takes it for HTTP/0.9, whose answers have no status."""


def lines(*given: str) -> str:
    return "\r\n".join([*given, "", ""])


def chunked(body: str) -> str:
    return f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"


def attacks(method: str, path: str) -> dict[str, str]:
    """Return requests with a second one hidden where two readers may not agree on what is body and what is not."""
    start, long = (f"{method} {path} HTTP/1.1", "Host: localhost"), f"Content-Length: {len(HIDDEN)}"
    te = "Transfer-Encoding: chunked"
    return {
        "a length and chunks": lines(*start, f"Content-Length: {len(HIDDEN) + 5}", te) + "0\r\n\r\n" + HIDDEN,
        "chunks and a length": lines(*start, te, "Content-Length: 5") + "0\r\n\r\n" + HIDDEN,
        "two lengths": lines(*start, "Content-Length: 0", long) + HIDDEN,
        "two equal lengths": lines(*start, long, long) + HIDDEN,
        "a list of lengths": lines(*start, f"Content-Length: 0, {len(HIDDEN)}") + HIDDEN,
        "a length with a sign": lines(*start, f"Content-Length: +{len(HIDDEN)}") + HIDDEN,
        "a length below zero": lines(*start, "Content-Length: -1") + HIDDEN,
        "a hexadecimal length": lines(*start, f"Content-Length: 0x{len(HIDDEN):x}") + HIDDEN,
        "a length with a blank before the colon": lines(*start, f"Content-Length : {len(HIDDEN)}") + HIDDEN,
        "chunks with a blank before the colon": lines(*start, "Transfer-Encoding : chunked", long) + chunked(HIDDEN),
        "chunks on a folded line": lines(*start, "Transfer-Encoding:", " chunked", long) + "0\r\n\r\n" + HIDDEN,
        "a folded header with a request": lines(*start, "X-A: 1", f" {HIDDEN.splitlines()[0]}", "Content-Length: 0"),
        "chunks under another name": lines(*start, "Transfer_Encoding: chunked", long) + "0\r\n\r\n" + HIDDEN,
        "chunks twice": lines(*start, te, "Transfer-Encoding: identity") + "0\r\n\r\n" + HIDDEN,
        "chunks after a tab": lines(*start, "Transfer-Encoding:\tchunked", "Content-Length: 4") + "0\r\n\r\n" + HIDDEN,
        "unknown chunks": lines(*start, "Transfer-Encoding: xchunked") + "0\r\n\r\n" + HIDDEN,
        "chunk extensions": lines(*start, te) + f'0;a="\r\n\r\n{HIDDEN}"\r\n\r\n',
        "a chunk that is longer than it says": lines(*start, te) + f"1\r\n{HIDDEN}\r\n0\r\n\r\n",
        "an endless chunk size": lines(*start, te) + "0" * 5000 + f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n",
        "an overflowing chunk size": lines(*start, te) + f"ffffffffffffffff0\r\n{HIDDEN}\r\n0\r\n\r\n",
        "trailers": lines(*start, te) + f"0\r\nContent-Length: 5\r\nX: {CANARY}\r\n\r\n",
        "bare line feeds": "\n".join([*start, "Content-Length: 0", "X: a", "", ""]) + HIDDEN.replace("\r\n", "\n"),
        "a bare carriage return": lines(*start, f"X: a\rContent-Length: {len(HIDDEN)}") + HIDDEN,
        "a NUL in a header": lines(*start, f"X: a\0{long}") + HIDDEN,
        "an encoded line end in the path": lines(
            f"{method} {path}?x=%0d%0aX:%20y HTTP/1.1", "Host: localhost", "Content-Length: 0"
        ),
        "a line end in the path": f"{method} {path}?x=\r\nHost: y HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "two hosts": lines(*start, "Host: y", "Content-Length: 0"),
        "an address with another host": lines(
            f"{method} http://evil.example{path} HTTP/1.1", "Host: localhost", "Content-Length: 0"
        ),
        "an upgrade": lines(
            *start, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"
        )
        + HIDDEN,
        "headers for the next hop": lines(*start, "Connection: X-Generation, Content-Length, close", long) + HIDDEN,
    }


TARGETS = {
    "edge": ("GET", "/catalog"),
    "asset": ("GET", "/assets/media/original/DEV/none.jpg"),
    "api": ("POST", "/file"),
    "reading api": ("GET", "/catalog"),
    "upload": ("POST", "/direct"),
}


def talk(port: int, payload: str) -> bytes:
    """Send bytes, and return what comes back until the other side closes or has had nothing more to say for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        found = b""
        with suppress(TimeoutError, OSError):
            connection.sendall(payload.encode("latin-1"))
            while data := connection.recv(65536):
                found += data
                connection.settimeout(SILENCE)
        return found


@pytest.mark.parametrize("target", TARGETS)
def test_no_request_hides_in_another_one(system: System, target: str) -> None:
    """What the first tier takes for one request is one to all behind it, so nothing of it answers somebody else."""
    method, path = TARGETS[target]
    port = {"edge": system.ports.edge, "asset": system.ports.edge, "upload": system.ports.upload}.get(
        target, system.ports.api
    )
    payloads = attacks(method, path)
    with ThreadPoolExecutor(len(payloads)) as pool:
        answers = dict(zip(payloads, pool.map(partial(talk, port), payloads.values()), strict=True))
    for name, answer in answers.items():
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
        assert all(200 <= status < 500 or status in (501, 505) for status in statuses), (name, statuses)
        assert statuses or name in UNANSWERED, name
    # Were two tiers out of step, one of these would get what was meant for somebody else.
    for number in range(40):
        probe = get_as_is(port, f"/catalog/00000000-0000-4000-8000-0000000000{number}")
        assert (probe.status_code, problem(probe)["code"]) == (404, "not_found")
    # The second request in a pipeline is the first tier's own business: it has seen it, and so it is in its log.
    first = "nginx-edge" if target in ("edge", "asset") else "nginx-cache"
    for service in ("catalog", "transform"):
        seen = system.log(service).count(f'"path":"/catalog/{CANARY}"')
        # It was read where somebody has sent it, and nowhere else.
        wait_until(lambda seen=seen: seen <= system.log(first).count(f'"method":"DELETE","path":"/catalog/{CANARY}"'))  # type: ignore[misc]


PATHS = (
    "/assets/media/original/{}etc/passwd",
    "/assets/media/original/DEV/{}redis/appendonlydir/appendonly.aof.manifest",
    "/assets/media/full/image/DEV/{}run/edge/edge.conf",
    "/assets/media/optimise/10x0/DEV/{}run/cache/common.conf",
    "/catalog/{}jobs",
    "/catalog/get-dump/{}etc/passwd",
    "/{}readiness-check",
    "/{}purge/assets/media/original/DEV/x.jpg",
)
TRICKS = (
    *(
        "../" * 8,
        "..%2f" * 8,
        "%2e%2e/" * 8,
        "%2e%2e%2f" * 8,
        "..%5c" * 8,
        "..\\" * 8,
        "....//" * 8,
        "..;/" * 8,
        "..%00/" * 8,
    ),
    *(
        "%252e%252e%252f" * 8,
        "..%252f" * 8,
        "%c0%ae%c0%ae/" * 8,
        "..%c0%af" * 8,
        "%e0%80%ae%e0%80%ae/" * 8,
        "..%uff0f" * 8,
    ),
    *(
        "//",
        "///",
        "./",
        ".//",
        "%2f",
        "%5c",
        ";/",
        "%3b/",
        "%00",
        "%0a",
        "%09",
        "%7f",
        "%ff%fe",
        "~/",
        "~root/",
        "*",
        "%",
        "%2",
        "%zz",
    ),
    *("file:///", "http://127.0.0.1/", "@127.0.0.1/", ".spool/", "dumps/", "DEV/../dumps/", "dumps%2f", "-/"),
)


@pytest.mark.parametrize("tier", ["edge", "api", "cache", "upload"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_what_is_no_asset(system: System, tier: str, path: str) -> None:
    port = getattr(system.ports, tier)
    for trick in TRICKS:
        asked = path.format(trick)
        [head, _, body] = talk(port, lines(f"GET {asked} HTTP/1.1", "Host: localhost", "Connection: close")).partition(
            b"\r\n\r\n"
        )
        found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert found, (asked, head)
        status = int(found[1])
        # The API itself is where it is, in whatever spelling that nginx makes one of.
        own = tier == "api" and (status == 200 or b'"data"' in body)
        assert status in (400, 401, 403, 404, 405) or own, (asked, status)
        assert b"root:" not in body, asked
        assert b"nginx.pid" not in body, asked
        assert b"appendonly" not in body or asked.encode() in body or status == 404, asked
        assert b"x-content-type-options: nosniff" in head.lower(), asked
        assert b"application/json" in head, asked


def test_hundreds_of_slow_clients_keep_nobody_waiting_and_are_sent_away(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    with dripping([system.ports.edge, system.ports.api, system.ports.upload], 100) as connections:
        for width in range(30, 40):
            asked = time.monotonic()
            assert system.edge.get(f"/assets/media/optimise/{width}x0/DEV/{name}.webp").status_code == 200
            assert system.api.get("/readiness-check").status_code == 200
            assert time.monotonic() - asked < 1
        assert not has_ended(connections[0]), "they were there all the while"
        wait_until(lambda: all(has_ended(connection) for connection in connections), within=HEADERS_WITHIN + 10)


def test_an_upload_that_stops_in_the_middle_is_ended(silent: Silent) -> None:
    """They have been waiting since tests/e2e/test_security_caches.py, and whoever came in between did not mind."""
    left = max(1.0, silent.began + BODY_WITHIN + 10 - time.monotonic())
    wait_until(lambda: all(has_ended(connection) for connection in silent.connections), within=left)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process open as many files as it may; what it started before has its own limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_limit()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_more_than_a_thousand_uploads_that_pause_keep_nobody_else_out(
    make_system: Callable[..., System], photos: dict[str, bytes], request: pytest.FixtureRequest
) -> None:
    system = make_system(MEDIA_TOKEN=TOKEN)
    request.getfixturevalue("many_descriptors")
    allowed = {"Authorization": f"Bearer {TOKEN}"}
    head = (
        "POST /file HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1000000\r\n\r\n"
        '--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    )
    descriptors = Path(f"/proc/{system.pid('catalog')}/fd")
    with ExitStack() as stack:
        for _ in range(1100):
            paused = stack.enter_context(socket.create_connection(("127.0.0.1", system.ports.api), timeout=10))
            paused.sendall(head.encode() + photos["china.jpg"][:1000])
        wait_until(lambda: len(list(descriptors.iterdir())) > 1100, within=20)
        for number in range(5):
            files = {"file": (f"{number}.jpg", photos["china.jpg"])}
            asked = time.monotonic()
            answer = system.api.post("/file", files=files, data={"namespace": "DEV"}, headers=allowed)
            assert answer.status_code == 200, answer.text
            assert system.edge.get(f"/assets/media/full/DEV/{number}.webp").status_code == 200
            assert time.monotonic() - asked < 5
