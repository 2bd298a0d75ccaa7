"""The table of docs/storage.md: what clients and the public see of a storage that fails, and what is left of it.

The storage is a real server; what fails is the way to it (tests/processes/fault_proxy.py).
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.core.state import keys
from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.fault_proxy import Faulty, Mode
from tests.processes.s3_server import BUCKET, S3Server
from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.problems import problem
from tests.support.waits import wait_until

QUICK = {
    "STORAGE_CONNECT_SECONDS": "1",
    "STORAGE_READ_SECONDS": "0.5",
    "STORAGE_DEADLINE_SECONDS": "3",
    "STORAGE_RETRIES": "1",
    "STORAGE_BREAKER_SECONDS": "0.5",
    "PAYLOAD_MAX_SIZE": "50mb",
}
FAILURES: tuple[Mode, ...] = ("refuse", "forbid", "fail", "slow", "garbage", "wrong", "down")


@dataclass
class Case:
    system: System
    way: Faulty
    remove_behind: Callable[[dict[str, Any]], None]
    """Deletes the stored file of an entry behind TADA's back."""
    speaks: bool
    """The storage cannot be told from another one by the form of its answers."""


@contextmanager
def distant(folder: Path) -> Iterator[Case]:
    backend = Backend(folder / "backend")
    backend.start()
    way = Faulty(backend.port)

    def remove_behind(entry: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.request("DELETE", f"{backend.url}/file", json=entry, headers=headers)
        assert answer.status_code == 200, answer.text

    settings = {
        "DELEGATED_STORAGE_METHOD": "DISTANT_BACKEND",
        "DELEGATED_STORAGE_HOST": f"http://127.0.0.1:{way.port}",
        "DELEGATED_STORAGE_TOKEN": TOKEN,
    }
    try:
        yield Case(System(folder, {**QUICK, **settings}), way, remove_behind, speaks=True)
    finally:
        way.close()
        backend.stop()


@contextmanager
def on_s3(folder: Path, server: S3Server) -> Iterator[Case]:
    server.empty()
    way = Faulty(server.port)

    def remove_behind(entry: dict[str, Any]) -> None:
        server.client.delete_object(Bucket=BUCKET, Key=entry["storage_key"])

    settings = server.environment(S3_ENDPOINT=f"http://127.0.0.1:{way.port}")
    try:
        yield Case(System(folder, {**QUICK, **settings}), way, remove_behind, speaks=False)
    finally:
        way.close()


@pytest.fixture(scope="module", params=["distant", "s3"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp(request.param)
    kind = distant(folder) if request.param == "distant" else on_s3(folder, request.getfixturevalue("s3_server"))
    with kind as made:
        try:
            made.system.start()
            yield made
        finally:
            made.system.stop()


def send(system: System, name: str, content: bytes) -> httpx.Response:
    return system.api.post("/file", files={"file": (name, content)}, data={"namespace": "DEV"})


def claims(system: System) -> dict[Any, Any]:
    with redis.Redis(port=system.ports.redis) as client:
        found: dict[Any, Any] = client.hgetall(keys.CLAIMS)
        return found


def ready(system: System) -> bool:
    return system.api.get("/readiness-check").status_code == 200


@pytest.mark.parametrize("mode", FAILURES)
def test_a_failing_storage_costs_only_what_is_not_cached(
    case: Case, photos: dict[str, bytes], name: str, mode: Mode
) -> None:
    system, way = case.system, case.way
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    cached, uncached = (f"/assets/media/optimise/{width}x0/DEV/{name}.webp" for width in (50, 60))
    picture = system.edge.get(cached).content
    before = system.api.get("/catalog").json()

    with way.being(mode):
        for client in (system.edge, system.cache):
            hit = client.get(cached)
            assert (hit.status_code, hit.content) == (200, picture)
        for path in (uncached, f"/assets/media/original/DEV/{name}.jpg"):
            started = time.monotonic()
            answer = system.edge.get(path)
            assert time.monotonic() - started < 5
            assert answer.status_code in ((500,) if mode == "wrong" and case.speaks else (500, 503)), answer.text
            assert "secret" not in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert mode in ("wrong", "garbage") or answer.headers["retry-after"]
        refused = send(system, f"{name}-2.jpg", photos["flower.jpg"])
        assert refused.status_code == 503, refused.text
        assert refused.headers["retry-after"]
        assert "secret" not in refused.text
        replaced = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
        assert replaced.status_code == 503, replaced.text
        assert system.api.get("/catalog").json() == before
        assert mode in ("garbage", "wrong") or not ready(system)

    wait_until(lambda: ready(system), within=5)
    wait_until(lambda: system.edge.get(uncached).status_code == 200, within=5)
    system.reap()
    wait_until(lambda: not claims(system), within=40)
    after = system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0]
    original = system.api.get(f"/assets/media/original/DEV/{name}.jpg").content
    assert hashlib.sha256(original).hexdigest() == after["signature"]
    assert after["signature"] == entry["signature"]
    assert system.api.get(f"/assets/media/original/DEV/{name}-2.jpg").status_code == 404
    system.upload(f"{name}-2.jpg", photos["flower.jpg"])


@pytest.mark.parametrize("mode", ["down", "refuse"])
def test_what_is_deleted_while_the_storage_is_away_is_gone_when_it_is_back(
    case: Case, photos: dict[str, bytes], name: str, mode: Mode
) -> None:
    system, way = case.system, case.way
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    with way.being(mode):
        assert system.api.delete(f"/file/{entry['uuid']}").status_code == 200
        # The catalog service has tried, and then the jobs worker: both live on, and the claim stays.
        wait_until(lambda: any(owner.startswith(b"abandoned ") for owner in claims(system).values()), within=15)
    # By itself: nobody asks the worker to.
    wait_until(lambda: not claims(system), within=15)
    # The storage is asked for the file itself.
    adopted = system.api.post("/catalog", json={"unique_name": entry["unique_name"]})
    assert adopted.status_code == 404, adopted.text


def test_a_storage_that_is_down_costs_a_request_milliseconds(case: Case, photos: dict[str, bytes], name: str) -> None:
    system, way = case.system, case.way
    system.upload(f"{name}.jpg", photos["china.jpg"])
    with way.being("slow"):
        wait_until(lambda: _milliseconds(system, name) < 50, within=30)
        # While the breaker is open hardly any request gets through to the storage.
        way.set("slow")
        times = sorted(_milliseconds(system, name) for _ in range(40))
        assert times[20] < 50
        assert way.requests < 10
    wait_until(lambda: system.transform.get(_path(name)).status_code == 200, within=5)


def _path(name: str) -> str:
    return f"/assets/media/optimise/70x0/DEV/{name}.webp"


def _milliseconds(system: System, name: str) -> float:
    started = time.monotonic()
    assert system.transform.get(_path(name)).status_code == 503
    return (time.monotonic() - started) * 1000


def test_a_body_that_breaks_in_the_middle_is_gone_on_with(case: Case, name: str) -> None:
    system, way = case.system, case.way
    content = pdf(filling=secrets.token_bytes(300_000))
    large = pdf(filling=secrets.token_bytes(9_000_000))
    system.upload(f"{name}.pdf", content)
    system.upload(f"{name}-large.pdf", large)
    with way.being("reset"):
        # Each connection gives 192 KB and then breaks.
        answer = system.edge.get(f"/assets/media/original/DEV/{name}-large.pdf")
        assert answer.content == large
        small = system.edge.get(f"/assets/media/original/DEV/{name}.pdf")
        assert small.status_code == 503 or small.content == content
    assert system.edge.get(f"/assets/media/original/DEV/{name}.pdf").content == content


def test_a_file_that_is_not_there_is_not_found_and_its_entry_stays(
    case: Case, photos: dict[str, bytes], name: str
) -> None:
    system = case.system
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    case.remove_behind(entry)
    answer = system.edge.get(f"/assets/media/full/DEV/{name}.webp")
    assert answer.status_code == 404
    assert problem(answer)["code"] == "not_found"
    assert system.api.get(f"/catalog/{entry['uuid']}").status_code == 200


@pytest.mark.parametrize("case", ["s3"], indirect=True)
def test_bytes_that_were_changed_in_the_storage_are_not_served_and_no_cache_keeps_them(
    case: Case, s3_server: S3Server, name: str
) -> None:
    system = case.system
    for size in (300_000, 9_000_000):
        whole = pdf(filling=secrets.token_bytes(size))
        entry = system.upload(f"{name}-{size}.pdf", whole)
        stored = {"Bucket": BUCKET, "Key": entry["storage_key"]}
        s3_server.client.put_object(**stored, Body=whole[:-100_000] + bytes(100_000))
        path = f"/assets/media/original/DEV/{name}-{size}.pdf"
        for client in (system.transform, system.cache, system.edge, system.edge):
            if size > 8 * 1024 * 1024:
                with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                    client.get(path)
            else:
                assert client.get(path).status_code == 500
        s3_server.client.put_object(**stored, Body=whole)
        assert system.edge.get(path).content == whole


def test_clients_that_give_up_in_the_middle_leave_nothing(case: Case, name: str) -> None:
    system = case.system
    content = pdf(filling=secrets.token_bytes(20_000_000))
    gave_up = 0
    for patience in (0.01, 0.03, 0.1):
        try:
            system.api.post(
                "/file",
                files={"file": (f"{name}.pdf", content)},
                data={"namespace": "DEV"},
                timeout=httpx.Timeout(patience, connect=5, write=5),
            )
        except httpx.TimeoutException:
            gave_up += 1
        wait_until(lambda: not claims(system), within=20)
        # The answer was lost, not the upload: whole or not at all.
        for entry in system.api.get(f"/catalog?filterByKey=unique_name&filterByValue=/DEV/{name}.pdf").json():
            original = system.api.get(f"/assets/media/original/DEV/{name}.pdf").content
            assert hashlib.sha256(original).hexdigest() == entry["signature"]
            system.api.delete(f"/file/{entry['uuid']}")
    assert gave_up
