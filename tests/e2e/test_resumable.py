"""Resumable uploads through the internal entry: cut connections, killed processes, a client of any replica."""

import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

import httpx
import redis

from services.core.assets.parts import PIECE, PREFIX
from services.core.state import keys
from tests.processes.system import System
from tests.support.tus import BYTES, VERSION, beginning
from tests.support.waits import wait_until

UPLOADS, KILLS = 6, 3
AGAIN_WITHIN = 60


def begun(system: System, size: int, name: str) -> str:
    """Begin an upload; return its path, as a client finds it that knows only the address of the entry."""
    answer = system.api.post("/prefix/tus", headers=beginning(size, filename=name))
    assert answer.status_code == 201, answer.text
    return urlsplit(urljoin(str(answer.url), answer.headers["location"])).path


def head_of(path: str, offset: int, length: int) -> bytes:
    given = {**BYTES, "Host": "localhost", "Upload-Offset": str(offset), "Content-Length": str(length)}
    lines = [f"PATCH {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode()


def has_room_for_all(system: System) -> bool:
    """Say whether nothing is left of any upload: neither parts nor reserved bytes."""
    with redis.Redis(port=system.ports.redis) as client:
        reserved = client.zcard(keys.RESUMABLE) or client.hlen(keys.RESUMABLE_LENGTHS)
    return not reserved and not any(name.startswith(PREFIX) for name in system.stored_files())


def test_what_came_before_a_cut_is_kept_and_told_while_more_comes(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(API_PREFIX="/prefix", PAYLOAD_MAX_SIZE="40mb")
    content = photos["china.jpg"] + random.Random(1).randbytes(2 * PIECE + 12345)
    path, before = begun(system, len(content), "cut.jpg"), PIECE + 1_000_000

    def offset() -> int:
        answer = system.api.head(path, headers=VERSION)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    with socket.create_connection(("127.0.0.1", system.ports.api)) as connection:
        connection.sendall(head_of(path, 0, len(content)) + content[:before])
        # nginx passes the body on as it comes: the first piece is durable while the second one is on its way.
        wait_until(lambda: 0 < offset() <= PIECE, within=10)
        # Nobody else writes meanwhile.
        first = offset()
        busy = system.api.patch(path, content=b"x", headers={**BYTES, "Upload-Offset": str(first)})
        assert busy.status_code == 423, busy.text
    # nginx has a buffer, what is in there is lost.
    wait_until(lambda: first < offset() <= before, within=10)

    offset_then = offset()
    assert offset_then > before - 600_000
    last = system.api.patch(path, content=content[offset_then:], headers={**BYTES, "Upload-Offset": str(offset_then)})
    assert last.status_code == 204, last.text
    [entry] = system.api.get(f"/prefix/catalog/{last.headers['upload-entry']}").json()["data"]
    assert entry["signature"] == hashlib.sha256(content).hexdigest()
    assert has_room_for_all(system)


def test_uploads_survive_kills_of_the_catalog_at_any_byte(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(API_PREFIX="/prefix", PAYLOAD_MAX_SIZE="40mb", replicas=2)
    base, rolled = f"http://127.0.0.1:{system.ports.api}", random.Random(2)
    contents = [photos["china.jpg"] + rolled.randbytes(PIECE + 1000 * number) for number in range(UPLOADS)]
    paths = [begun(system, len(content), f"kill-{number}.jpg") for number, content in enumerate(contents)]
    over = threading.Event()

    def upload(number: int) -> str:
        """Send an upload as a client does that meets nothing but errors, and return its entry."""
        content, until, durable = contents[number], time.monotonic() + AGAIN_WITHIN, 0

        def slowly(offset: int):  # type: ignore[no-untyped-def]
            for at in range(offset, len(content), 200_000):
                yield content[at : at + 200_000]
                time.sleep(0 if over.is_set() else 0.02)

        with httpx.Client(base_url=base, timeout=30) as client:
            while True:
                assert time.monotonic() < until, "it does not come to an end"
                try:
                    asked = client.head(paths[number], headers=VERSION)
                    if asked.status_code != 200:
                        assert asked.status_code in (423, 502, 503), asked.status_code
                        time.sleep(0.2)
                        continue
                    if "upload-entry" in asked.headers:
                        return asked.headers["upload-entry"]
                    offset = int(asked.headers["upload-offset"])
                    assert offset >= durable, "what was told as stored is gone"
                    durable = offset
                    client.patch(paths[number], content=slowly(offset), headers={**BYTES, "Upload-Offset": str(offset)})
                except httpx.TransportError:
                    time.sleep(0.2)

    with ThreadPoolExecutor(UPLOADS) as pool:
        results = [pool.submit(upload, number) for number in range(UPLOADS)]
        for _ in range(KILLS):
            time.sleep(rolled.uniform(0.3, 0.8))
            system.kill("catalog")
            system.start("catalog", wait_for_nodes=False)
        over.set()
        uuids = [result.result() for result in results]

    entries = {entry["uuid"]: entry for entry in system.api.get("/prefix/catalog").json()}
    assert sorted(uuids) == sorted(entries), "each has become one entry, and no more"
    for uuid, content in zip(uuids, contents, strict=True):
        assert (entries[uuid]["signature"], entries[uuid]["version"]) == (hashlib.sha256(content).hexdigest(), 1)
    wait_until(lambda: has_room_for_all(system), within=40)


def test_a_page_goes_on_with_its_ticket_at_the_upload_entry(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    origin, content = {"Origin": "https://shop.example"}, photos["china.jpg"]
    ticket = system.api.post("/tickets", json={"namespace": "DEV"}).json()["data"][0]["ticket"]
    root = f"/direct/tus?ticket={ticket}"
    asks = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "upload-offset,tus-resumable"}
    preflight = system.uploads.options(root, headers={**origin, **asks})
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert system.uploads.options(root, headers=origin).headers["tus-version"] == "1.0.0"

    begin = system.uploads.post(root, headers={**origin, **beginning(len(content), filename=f"{name}.jpg")})
    assert begin.status_code == 201, begin.text
    assert {"Location", "Upload-Offset", "Upload-Entry"} <= set(
        begin.headers["access-control-expose-headers"].split(", ")
    )
    address = urljoin(str(begin.url), begin.headers["location"])
    assert urlsplit(address).query == f"ticket={ticket}"
    first = system.uploads.patch(address, content=content[:100_000], headers={**BYTES, "Upload-Offset": "0"})
    assert (first.status_code, first.headers["upload-offset"]) == (204, "100000")
    assert system.uploads.head(address, headers=VERSION).headers["upload-offset"] == "100000"
    rest = {**BYTES, "Upload-Offset": "100000", "Prefer": "return=representation"}
    last = system.uploads.patch(address, content=content[100_000:], headers=rest)
    assert last.status_code == 200, last.text
    [shown] = last.json()["data"]
    assert httpx.get(shown["public_url"]).status_code == 200
    assert system.uploads.head(address.split("?")[0], headers=VERSION).status_code == 403
