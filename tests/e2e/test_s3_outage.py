"""A storage that dies in the middle of everything, and comes back: nothing that was acknowledged is lost."""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis

from services.core.state import keys
from services.core.storage.base import MARK
from tests.processes.s3_server import BUCKET, S3Server
from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

UPLOADS = 240
READS = 240
CLIENTS = 6
"""That upload, and as many that read."""
OUTAGE = 5.0
"""Seconds."""
LARGE_EVERY = 30
LARGE = 6_000_000
"""Bytes: it goes in parts."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    made = S3Server(tmp_path / "s3")
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Clients:
    """Send and read what they are to, again and again if need be, and note what happens."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.acknowledged: dict[str, str] = {}
        """SHA-256 by unique name."""
        self.reads = 0
        self.refused: set[int] = set()
        """Statuses of what was not acknowledged, and of what could not be read."""

    def upload(self, first: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{self.system.ports.api}", timeout=60) as client:
            for number in range(first, UPLOADS, CLIENTS):
                content = pdf(str(number), LARGE if number % LARGE_EVERY == 0 else 90_000)
                files = {"file": (f"u{number}.pdf", content)}
                self._until_200(lambda c=client, f=files: c.post("/file", files=f, data={"namespace": "DEV"}))
                self.acknowledged[f"/DEV/u{number}.pdf"] = hashlib.sha256(content).hexdigest()

    def read(self, first: int, content: bytes) -> None:
        # Past the caches: each read is one of the storage.
        with httpx.Client(base_url=f"http://127.0.0.1:{self.system.ports.transform}", timeout=60) as client:
            for _ in range(first, READS, CLIENTS):
                answer = self._until_200(lambda c=client: c.get("/assets/media/original/DEV/read.pdf"))
                assert answer.content == content
                self.reads += 1

    def _until_200(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        while (answer := ask()).status_code != 200:
            assert answer.headers["retry-after"], answer.text
            self.refused.add(answer.status_code)
            time.sleep(0.1)
        return answer


@pytest.mark.timeout(180)
def test_a_killed_s3_server_loses_no_acknowledged_upload_and_is_found_again(
    make_system: Callable[..., System], server: S3Server
) -> None:
    system = make_system(**server.environment())
    read = pdf(size=100_000)
    system.upload("read.pdf", read)
    clients = Clients(system)

    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        work = [pool.submit(clients.upload, first) for first in range(CLIENTS)]
        work += [pool.submit(clients.read, first, read) for first in range(CLIENTS)]
        wait_until(lambda: len(clients.acknowledged) > UPLOADS // 4 or any(one.done() for one in work), within=60)
        server.kill()
        time.sleep(OUTAGE)
        during = len(clients.acknowledged)
        server.start()
        for one in work:
            one.result()
    assert during < UPLOADS
    assert clients.reads == READS
    assert clients.refused == {503}

    entries = {entry["unique_name"]: entry for entry in system.api.get("/catalog").json()}
    assert entries.keys() == {*clients.acknowledged, "/DEV/read.pdf"}
    for unique_name, signature in clients.acknowledged.items():
        assert entries[unique_name]["signature"] == signature
        original = system.api.get(f"/assets/media/original{unique_name}")
        assert hashlib.sha256(original.content).hexdigest() == signature
    # What was not acknowledged is swept away: of each asset one object is left, the one that its entry names.
    with redis.Redis(port=system.ports.redis) as client:
        wait_until(lambda: not client.hlen(keys.CLAIMS), within=40)
    assert stored(server) == {entry["storage_key"] for entry in entries.values()}


def stored(server: S3Server) -> set[str]:
    pages = server.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = {one["Key"] for page in pages for one in page.get("Contents", [])}
    return {key for key in keys if key != MARK and not key.startswith(".tada-check/")}
