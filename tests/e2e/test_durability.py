"""What was acknowledged is there, whole; what was not has left nothing. Whatever dies in between."""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from tests.processes.system import System
from tests.support.problems import problems
from tests.support.waits import wait_until

UPLOADS = 1000
CLIENTS = 8
AGAIN_WITHIN = 60
"""Seconds for which an upload is sent again that could not be answered."""


def test_a_thousand_uploads_survive_a_kill_of_the_catalog_service(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    acknowledged: dict[str, str] = {}
    killed = threading.Event()
    url = f"http://127.0.0.1:{system.ports.api}/file"

    def sent(client: httpx.Client, name: str, content: bytes) -> httpx.Response | None:
        with suppress(httpx.TransportError):
            answer = client.post(url, files={"file": (name, content)}, data={"namespace": "DEV"}, timeout=30)
            if answer.status_code != 503:
                return answer
        assert killed.is_set(), "nothing has been killed yet"
        return None

    def upload(client: httpx.Client, number: int) -> None:
        # Bytes after the end of a JPEG are no part of the picture: every file is another one.
        content = photos["china.jpg"] + str(number).encode()
        answer = sent(client, f"p{number}.jpg", content)
        is_first, until = answer is not None, time.monotonic() + AGAIN_WITHIN
        while answer is None:
            assert time.monotonic() < until, "the catalog does not come back"
            time.sleep(0.1)
            answer = sent(client, f"p{number}.jpg", content)
        if answer.status_code == 200:
            acknowledged[f"/DEV/p{number}.webp"] = hashlib.sha256(content).hexdigest()
        else:
            # The kill came after the entry was written and before its client heard of it.
            assert [each["code"] for each in problems(answer)] == ["already_exists"], answer.text
            assert not is_first, answer.text

    def work(first: int) -> None:
        with httpx.Client() as client:
            for number in range(first, UPLOADS, CLIENTS):
                upload(client, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        workers = [pool.submit(work, first) for first in range(CLIENTS)]
        wait_until(lambda: len(acknowledged) > UPLOADS // 3, within=60)
        killed.set()
        system.kill("catalog")
        system.start("catalog")
        for worker in workers:
            worker.result()

    assert len(acknowledged) >= UPLOADS - CLIENTS, "the kill interrupts one upload of each client at most"
    entries = {entry["unique_name"]: entry for entry in system.api.get("/catalog").json()}
    assert entries.keys() == {f"/DEV/p{number}.webp" for number in range(UPLOADS)}
    for unique_name, signature in acknowledged.items():
        assert entries[unique_name]["signature"] == signature
        original = system.api.get(f"/assets/media/original{unique_name.replace('.webp', '.jpg')}")
        assert hashlib.sha256(original.content).hexdigest() == signature
    # What an interrupted upload has left without an entry is swept away.
    expected = {entry["storage_key"]: entry["signature"] for entry in entries.values()}
    wait_until(lambda: system.stored_files() == expected, within=30)


def test_a_killed_redis_forgets_nothing_that_was_acknowledged(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    entries = [system.upload(f"{name}-{number}.jpg", photos["china.jpg"]) for number in range(5)]
    system.replace(entries[0]["uuid"], "x.jpg", photos["flower.jpg"])
    entries[0] = system.described(entries[0]["uuid"])
    path = f"/assets/media/optimise/50x0/DEV/{name}-1.webp"
    cached = system.edge.get(path).content
    system.kill("redis")

    assert system.edge.get(path).content == cached
    for answer in (
        system.edge.get(f"/assets/media/optimise/51x0/DEV/{name}-1.webp"),
        system.api.post("/file", files={"file": ("y.jpg", photos["china.jpg"])}, data={"namespace": "DEV"}),
        system.api.get("/catalog"),
        system.api.get("/readiness-check"),
    ):
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]

    system.start("redis")
    wait_until(lambda: system.api.get("/readiness-check").status_code == 200, within=5)
    assert system.api.get("/catalog").json() == entries
    system.upload("y.jpg", photos["china.jpg"])
    expected = {entry["storage_key"]: entry["signature"] for entry in system.api.get("/catalog").json()}
    wait_until(lambda: system.stored_files() == expected, within=20)


def test_an_upload_whose_storage_fails_is_refused_and_can_be_sent_again(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    storage = system.stack.data / "storage"
    # A file where the namespace's folder should be: no object can be written below it.
    (storage / "DEV").write_bytes(b"in the way")
    answer = system.api.post("/file", files={"file": (f"{name}.jpg", photos["china.jpg"])}, data={"namespace": "DEV"})
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert system.api.get("/catalog").json() == []
    assert set(system.stored_files()) == {"DEV"}
    (storage / "DEV").unlink()
    system.upload(f"{name}.jpg", photos["china.jpg"])
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["china.jpg"]


def test_a_stored_file_that_the_catalog_does_not_know_is_not_overwritten(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    stranger = system.stack.data / "storage" / "DEV" / f"{name}.webp"
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_bytes(b"somebody else's")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["china.jpg"]
    assert stranger.read_bytes() == b"somebody else's"
    system.api.delete(f"/file/{entry['uuid']}")
    assert stranger.read_bytes() == b"somebody else's"
    stranger.unlink()
