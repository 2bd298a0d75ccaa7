"""A change is seen by the public at once: whatever a tier holds, or stores late, is not asked for any more."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from PIL import Image

from services.core.state import keys
from tests.processes.system import System, get_as_is
from tests.support.pdfs import pdf
from tests.support.pixels import decode, distance
from tests.support.waits import wait_until

CLOSE = 6.0
KEPT_FORMS = 12
"""How many of the forms below have a cache key of their own."""


def forms(name: str) -> list[str]:
    """Return every kind of path under which an asset can be cached, sizes that nobody listed among them."""
    return [
        f"/assets/media/original/DEV/{name}.jpg",
        f"/assets/media/original/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.jpg",
        f"/assets/media/full/image/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.webp?width=77&height=31&quality=12",
        f"/assets/media/optimise/200x0/DEV/{name}.webp",
        f"/assets/media/optimise/123x57/DEV/{name}.webp",
        f"/assets/media/optimise/123x57/DEV/{name}.jpg",
        f"/assets/media/optimise/99x0/DEV/{name}.webp?quality=40",
        f"/assets/media/optimise/60x50/DEV/{name}.webp?crop=smart&format=jpeg&dpr=2&max_kb=9",
        f"/assets/media/optimise/60x50/DEV/{name}.jpg?fit=contain&format=png",
        f"/assets/media/optimise/60x50/DEV/{name}.webp?crop=0.20%2C0.9&x=y",
    ]


def status(client: httpx.Client, path: str, **headers: str) -> str:
    """Return what became of the cache."""
    return client.get(path, headers=headers).headers["x-cache-status"]


def fill(system: System, name: str) -> None:
    """Have both tiers hold every form."""
    for path in forms(name):
        system.edge.get(path)
        for client in (system.edge, system.cache):
            assert status(client, path) == "HIT", path


def token(system: System) -> dict[str, str]:
    """Return the header of who may purge."""
    return {"X-Purge-Token": system.environment("jobs")["PURGE_TOKEN"]}


def test_a_replaced_file_is_fresh_in_every_form_and_both_tiers(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    before = {path: system.edge.get(path) for path in forms(name)}
    system.replace(entry["uuid"], "other.jpg", photos["flower.jpg"])
    for path in forms(name):
        for client in (system.cache, system.edge):
            answer = client.get(path)
            if answer.status_code == 200:
                assert answer.content != before[path].content, path
                assert answer.headers["etag"] != before[path].headers["etag"], path
            assert status(client, path) == "HIT"
    fresh = system.edge.get(f"/assets/media/optimise/200x0/DEV/{name}.webp").content
    assert distance(fresh, decode(photos["flower.jpg"]).resize((200, 133), Image.Resampling.LANCZOS)) < CLOSE


def test_heads_parts_and_conditions_are_of_what_there_is_now(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    old = system.edge.get(path).headers["etag"]
    for headers in ({"Range": "bytes=0-99"}, {"If-None-Match": old}):
        assert status(system.edge, path, **headers) == "HIT"
    system.replace(entry["uuid"], "other.jpg", photos["flower.jpg"])
    for client in (system.edge, system.cache, system.api):
        assert client.head(path).headers["content-length"] == str(len(photos["flower.jpg"]))
        assert client.get(path, headers={"Range": "bytes=0-99"}).content == photos["flower.jpg"][:100]
        # A part of the version that a client has begun with: it gets the whole of the new one.
        resumed = client.get(path, headers={"Range": "bytes=100-", "If-Range": old})
        assert (resumed.status_code, resumed.content) == (200, photos["flower.jpg"])
        assert client.get(path, headers={"If-None-Match": old}).status_code == 200
        assert client.get(path, headers={"If-Match": old}).status_code == 412


def test_each_negotiated_form_is_fresh(make_system: Callable[..., System], photos: dict[str, bytes], name: str) -> None:
    system = make_system(FORMAT_NEGOTIATION="true")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/80x0/DEV/{name}.webp"
    accepted = {"image/avif": "image/avif,image/webp", "image/webp": "image/webp", "image/jpeg": "image/png"}

    def etags(expected: str) -> set[str]:
        found = set()
        for kind, accept in accepted.items():
            for client in (system.edge, system.cache):
                answer = client.get(path, headers={"Accept": accept})
                assert answer.headers["content-type"] == kind
                assert expected in (answer.headers["x-cache-status"], ""), (kind, client.base_url)
                found.add(answer.headers["etag"])
        return found

    before = etags("")
    assert len(before) == 3
    assert etags("HIT") == before
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    after = etags("")
    assert len(after) == 3
    assert not before & after
    assert etags("HIT") == after


def test_a_deleted_asset_is_gone_in_every_form(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    answer = system.api.delete(f"/file/{entry['uuid']}")
    assert answer.status_code == 200
    assert answer.headers["x-purge"] == "done"
    for path in forms(name):
        assert system.cache.get(path).status_code == 404, path
        assert system.edge.get(path).status_code == 404, path
    assert entry["storage_key"] not in system.stored_files()
    assert system.edge.get(f"/catalog/{entry['uuid']}").status_code == 404


def test_what_is_deleted_leaves_the_disks_of_both_tiers(system: System, photos: dict[str, bytes], name: str) -> None:
    """At once, where its address is known; other forms when the walk comes by (see test_generations.py)."""
    entry, other = (system.upload(f"{name}{end}.jpg", photos["china.jpg"]) for end in ("", "-other"))

    def known(asset: dict[str, Any], end: str) -> set[str]:
        return {
            f"/assets/media/original/DEV/{name}{end}.jpg",
            f"/assets/media/full/DEV/{name}{end}.webp",
            f"/catalog/{asset['uuid']}",
        }

    for path in known(entry, "") | known(other, "-other"):
        assert system.edge.get(path).status_code == 200
    tiers = ("nginx-edge", "nginx-cache")
    for tier in tiers:
        assert known(entry, "") | known(other, "-other") <= system.kept_addresses(tier)
    assert system.api.delete(f"/file/{entry['uuid']}").headers["x-purge"] == "done"
    wait_until(lambda: not any(known(entry, "") & system.kept_addresses(tier) for tier in tiers), within=3)
    for tier in tiers:
        assert known(other, "-other") <= system.kept_addresses(tier), "nobody else has lost a file"
    for path in known(other, "-other"):
        assert status(system.edge, path) == "HIT"


def test_an_upload_ends_the_404_that_was_cached_before(system: System, photos: dict[str, bytes], name: str) -> None:
    for path in forms(name):
        assert system.edge.get(path).status_code == 404
        assert status(system.edge, path) == "HIT"
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in forms(name):
        assert system.edge.get(path).status_code in (200, 302), path
    system.api.delete(f"/file/{entry['uuid']}")
    system.upload(f"{name}.jpg", photos["flower.jpg"])
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["flower.jpg"]


def test_expired_by_hand_is_expired_for_the_public_and_can_be_revived(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": True})
    for path in forms(name):
        assert system.edge.get(path).status_code == 404, path
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": False})
    for path in forms(name):
        assert system.edge.get(path).status_code in (200, 302), path


def test_the_public_list_and_page_show_a_change_at_once(system: System, photos: dict[str, bytes], name: str) -> None:
    def listed() -> list[str]:
        return [entry["uuid"] for entry in system.edge.get("/catalog").json()]

    listed()
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert entry["uuid"] in listed()
    assert status(system.edge, "/catalog") == "HIT"
    page = f"/catalog/{entry['uuid']}"
    assert system.edge.get(page).json()["data"] == [entry]
    assert status(system.edge, page) == "HIT"
    system.api.patch(page, json={"information": "new"})
    assert system.edge.get(page).json()["data"][0]["information"] == "new"
    assert [one["information"] for one in system.edge.get("/catalog").json() if one["uuid"] == entry["uuid"]] == ["new"]
    system.api.delete(f"/file/{entry['uuid']}")
    assert entry["uuid"] not in listed()


def test_an_entry_that_passes_its_date_is_marked_by_the_worker(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], expiration_date=soon)
    assert entry["expired"] is False
    page = f"/catalog/{entry['uuid']}"
    wait_until(lambda: system.api.get(page).json()["data"][0]["expired"] is True, within=30)
    assert system.edge.get(f"/assets/media/full/DEV/{name}.webp").status_code == 404


# What was before and is still on its way


def test_a_slow_render_overtaken_by_a_replacement_is_stored_where_nobody_looks(
    system: System, photos: dict[str, bytes], huge_photo: bytes, name: str
) -> None:
    entry = system.upload(f"{name}.jpg", huge_photo, filename=f"{name}.jpg")
    path = f"/assets/media/full/DEV/{name}.webp"
    with ThreadPoolExecutor(1) as pool:
        idle = system.cpu_seconds("transform")
        rendering = pool.submit(system.edge.get, path)
        # The render has begun once the service has been at work for a while; it takes seconds.
        wait_until(lambda: system.cpu_seconds("transform") > idle + 0.5)
        assert not rendering.done()
        system.replace(entry["uuid"], f"{name}.jpg", photos["flower.jpg"])
        overtaken = not rendering.done()
        # It has to wait for its turn, and may be told to come back.
        wait_until(lambda: system.edge.get(path).status_code == 200, within=30)
        after = system.edge.get(path)
        late = rendering.result()
    assert overtaken, "the render was too fast for this test to show anything"
    assert late.status_code == 200, "who has asked before the change gets what there was"
    for answer in (after, system.cache.get(path), system.edge.get(path)):
        assert answer.status_code == 200
        assert decode(answer.content).size == (640, 427)
        assert answer.headers["etag"] == after.headers["etag"]
    assert late.headers["etag"] != after.headers["etag"]


def test_a_change_does_not_wait_for_an_old_answer_and_that_is_stored_where_nobody_looks(
    make_system: Callable[..., System], name: str
) -> None:
    """A long answer is stopped in the middle while its file is replaced, and then goes on to its end."""
    system = make_system(PAYLOAD_MAX_SIZE="300mb", PURGE_WAIT_SECONDS="0.5")
    old, new = pdf("old", 150_000_000), pdf("new")
    entry = system.upload(f"{name}.pdf", old)
    path = f"/assets/media/original/DEV/{name}.pdf"
    with httpx.stream("GET", f"{system.edge.base_url}{path}", timeout=60) as sending:
        body = sending.iter_raw()
        begin = next(body)
        with system.paused("transform"):
            on_disk = sum(file.stat().st_size for file in (system.stack.data / "cache").rglob("*") if file.is_file())
            assert on_disk < len(old), "the answer was too fast for this test to show anything"
            answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.pdf", new)})
            assert (answer.status_code, answer.headers["x-purge"]) == (200, "done")
        assert system.edge.get(path).content == new
        assert begin + b"".join(body) == old
    for client in (system.cache, system.edge):
        answer = client.get(path)
        assert (answer.content, answer.headers["x-cache-status"]) == (new, "HIT")
    for tier in ("nginx-cache", "nginx-edge"):
        wait_until(lambda tier=tier: len([key for key in system.kept_keys(tier) if key.endswith(path)]) == 2)


@dataclass(frozen=True, slots=True)
class Late:
    """One kind of answer: which service makes it, and what it shows of a change."""

    service: str
    path: str
    change: Callable[[System, str, bytes], httpx.Response]
    shows: Callable[[httpx.Response], object]


def _replace(system: System, uuid: str, content: bytes) -> httpx.Response:
    return httpx.patch(f"{_catalog(system)}/file/{uuid}", files={"file": ("x.jpg", content)}, timeout=30)


def _delete(system: System, uuid: str, _: bytes) -> httpx.Response:
    return httpx.delete(f"{_catalog(system)}/file/{uuid}", timeout=30)


def _describe(system: System, uuid: str, _: bytes) -> httpx.Response:
    return httpx.patch(f"{_catalog(system)}/catalog/{uuid}", json={"information": "new"}, timeout=30)


def _catalog(system: System) -> str:
    return f"http://127.0.0.1:{system.ports.catalog}"


LATE = {
    "rendition": Late(
        "transform", "/assets/media/optimise/40x0/DEV/{name}.webp", _replace, lambda a: a.headers["etag"]
    ),
    "original": Late("transform", "/assets/media/original/DEV/{name}.jpg", _replace, lambda a: a.content),
    "deleted": Late("transform", "/assets/media/full/DEV/{name}.webp", _delete, lambda a: a.status_code),
    "redirect": Late("transform", "/assets/media/original/DEV/{name}.webp", _delete, lambda a: a.status_code),
    "page": Late("catalog", "/catalog/{uuid}", _describe, lambda a: a.content),
    "list": Late("catalog", "/catalog", _describe, lambda a: a.content),
}


def _received(port: int, remote: bool) -> int:
    """Return the bytes that wait to be read from connections to a port, by its own side or by the other one."""
    waiting = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, other, _, queues, *_ = line.split()
        if int((other if remote else local).rpartition(":")[2], 16) == port:
            waiting += int(queues.partition(":")[2], 16)
    return waiting


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", LATE)
def test_an_old_answer_that_a_held_up_nginx_stores_late_is_seen_by_nobody(
    frozen: System, photos: dict[str, bytes], name: str, kind: str
) -> None:
    """A worker of nginx is frozen between its request and the old answer, which it stores when the change is over."""
    system, late = frozen, LATE[kind]
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = late.path.format(name=name, uuid=entry["uuid"])
    port = getattr(system.ports, late.service)
    with socket.create_connection(("127.0.0.1", system.ports.cache)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096)
        worker = system.worker_of("nginx-cache", connection)
        system.pause(late.service)
        try:
            wait_until(lambda: _received(port, remote=False) == 0)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until(lambda: _received(port, remote=False) > 0)
            with _stopped(worker):
                system.resume(late.service)
                wait_until(lambda: _received(port, remote=True) > 0)
                changed = late.change(system, entry["uuid"], photos["flower.jpg"])
                assert changed.status_code == 200
        finally:
            system.resume(late.service)
        assert connection.recv(4096).startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")), "it is what there was"
    if changed.headers["x-purge"] != "done":
        # The node is told of changes by the worker of nginx that was frozen.
        system.wait_until_purged()
    expected = late.shows(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30))
    for _ in range(2):
        for client in (system.cache, system.edge):
            assert late.shows(client.get(path)) == expected


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of single processes: it is known who gets a request."""
    made = System(tmp_path_factory.mktemp("frozen"), {}, replicas=1)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_readers_that_race_with_replacements_never_see_old_bytes_after_the_answer(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    """Readers ask without a pause while the file changes; what starts after an answer shows that answer's version."""
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    signature = {entry["signature"]}
    stop = threading.Event()
    stale: list[str] = []
    paths = [f"/assets/media/original/DEV/{name}.jpg", f"/assets/media/optimise/60x0/DEV/{name}.webp"]

    def read(path: str) -> int:
        reads = 0
        while not stop.is_set():
            acknowledged = set(signature)
            answer = system.edge.get(path)
            shown = answer.headers.get("etag", '"?')[1:33]
            # Several versions may be right while a change is under way; one that was replaced before is not.
            if answer.status_code == 200 and len(acknowledged) == 1 and acknowledged == set(signature):
                (current,) = acknowledged
                if shown != current[:32]:
                    stale.append(f"{path}: {shown} instead of {current[:32]}")
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, path) for path in paths * 2]
        for turn in range(30):
            content = photos["flower.jpg" if turn % 2 == 0 else "china.jpg"]
            signature.add("under way")
            replaced = system.replace(entry["uuid"], f"{name}.jpg", content)
            signature.clear()
            signature.add(replaced["signature"])
            time.sleep(0.03)  # Readers get a moment with only one right answer.
        stop.set()
        assert sum(reader.result() for reader in readers) > 100
    assert not stale, stale[:5]


# Who is away


def test_with_the_worker_away_the_answer_says_so_and_the_purge_is_made_up_for(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.3")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.kill("jobs")
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
    assert answer.status_code == 200
    assert answer.headers["x-purge"] == "queued"
    assert "queued" in answer.json()["warnings"][0]
    path = f"/assets/media/original/DEV/{name}.jpg"
    assert system.edge.get(path).content == photos["china.jpg"]
    system.start("jobs")
    system.wait_until_purged(within=5)
    for client in (system.edge, system.cache):
        assert client.get(path).content == photos["flower.jpg"]
        for form in forms(name):
            shown = client.get(form)
            assert shown.status_code == 302 or shown.headers["etag"][1:33] == answer.json()["data"][0]["signature"][:32]
    wait_until(lambda: entry["storage_key"] not in system.stored_files())
    assert system.api.patch(f"/catalog/{entry['uuid']}", json={"information": "new"}).headers["x-purge"] == "done"


SLOW_NAMES = """
import asyncio
from services.jobs.purge import addresses
found = addresses.resolve

async def resolve(node):
    await asyncio.sleep(4)
    return await found(node)

addresses.resolve = resolve
"""


def test_a_worker_that_has_not_found_the_nodes_yet_says_of_no_change_that_they_have_it(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str, tmp_path: Path
) -> None:
    """It has just started, and looking up their names takes its time."""
    system = make_system(PURGE_WAIT_SECONDS="1")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    assert system.edge.get(path).content == photos["china.jpg"]
    system.end("jobs")
    (tmp_path / "sitecustomize.py").write_text(SLOW_NAMES)
    folders = f"{tmp_path}:{system.environment('jobs')['PYTHONPATH']}"
    system.change_environment("jobs", PYTHONPATH=folders)
    system.start("jobs")
    for content in (photos["flower.jpg"], photos["flower.jpg"] + b"\0"):
        answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", content)})
        shown = system.edge.get(path).content
        assert answer.headers["x-purge"] == "queued" or shown == content, "done, and the old bytes are shown"
    system.wait_until_purged(within=30)
    assert system.edge.get(path).content == content


def test_with_one_of_two_workers_frozen_a_change_is_done_and_what_that_one_sends_later_changes_nothing(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(replicas=2)
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    for frozen in ("jobs.1", "jobs.2"):
        with system.paused(frozen):
            for content in (photos["flower.jpg"], photos["china.jpg"] + b"\0", photos["china.jpg"]):
                system.replace(entry["uuid"], "x.jpg", content)
                for client in (system.cache, system.edge):
                    assert client.get(path).content == content
        time.sleep(1)
        assert status(system.edge, path) == "HIT"
    system.wait_until_purged(within=2)


def test_with_an_edge_down_the_purge_waits_for_it(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.3")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.end("nginx-edge")
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
    assert answer.headers["x-purge"] == "queued"
    stop, shown = threading.Event(), set()

    def read() -> None:
        while not stop.is_set():
            try:
                shown.add(httpx.get(f"{system.edge.base_url}/assets/media/original/DEV/{name}.jpg").content)
            except httpx.TransportError:
                continue

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        system.start("nginx-edge")
        wait_until(lambda: bool(shown))
        system.wait_until_purged(within=5)
        stop.set()
        reading.result()
    assert shown == {photos["flower.jpg"]}, "from its first answer on"

    def is_done() -> bool:
        patched = system.api.patch(f"/catalog/{entry['uuid']}", json={"information": "x"})
        return bool(patched.headers["x-purge"] == "done")

    wait_until(is_done, within=2)


def test_with_a_frozen_edge_changes_are_queued_and_it_has_them_when_it_goes_on(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.3")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    path = f"/assets/media/original/DEV/{name}.jpg"
    with system.paused("nginx-edge"):
        for content in (photos["china.jpg"] + b"\0", photos["flower.jpg"]):
            answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", content)})
            assert (answer.status_code, answer.headers["x-purge"]) == (200, "queued")
            # The other tier has it all the same.
            wait_until(lambda content=content: system.cache.get(path).content == content)
    system.wait_until_purged(within=15)
    assert system.edge.get(path).content == photos["flower.jpg"]


# Who may purge


def test_who_asks_for_names_and_arguments_without_end_crowds_no_content_out(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    with redis.Redis(port=system.ports.redis) as client:
        known = set(client.keys())
        for number in range(300):
            assert system.edge.get(f"/assets/media/full/DEV/{name}.jpg?width={number + 1}").status_code == 302
            assert system.edge.get(f"/assets/media/full/DEV/{name}.x{number}").status_code == 404
            assert system.edge.get(f"/catalog?limit={number + 1}").status_code == 200
        # Asking makes no key.
        new = {key.decode() for key in set(client.keys()) - known}
        assert not {key for key in new if not key.startswith(("arq:", keys.QUEUE, keys.lease("")))}
    path = f"/assets/media/optimise/64x0/DEV/{name}.webp"
    assert [status(system.edge, path) for _ in range(2)] == ["MISS", "HIT"]
    started = time.monotonic()
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("tier", ["edge", "cache", "api"])
@pytest.mark.parametrize("headers", [{}, {"X-Purge-Token": "guess"}, {"X-Purge-Token": ""}])
def test_purging_is_refused_to_everyone_else(
    system: System, photos: dict[str, bytes], name: str, tier: str, headers: dict[str, str]
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    system.edge.get(path)
    port = getattr(system.ports, tier)
    kept = next(key for key in system.kept_keys("nginx-edge") if key.endswith(path))
    for target in (
        f"/purge{path}",
        f"/%70urge{path}",
        f"//purge{path}",
        f"/x/../purge{path}",
        "/purge/",
        "/purge/catalog",
    ):
        assert get_as_is(port, target, headers).status_code == 403, target
        assert get_as_is(port, target, {**headers, "X-Stored-Key": kept}).status_code == 403, target
    positions = system.positions()
    everything = f"0 {system.revision() + 1} now\n{system.revision() + 1} raise *\n"
    for target in ("/generations", "/%67enerations", "//generations", "/x/../generations", "/generations?x=1"):
        assert get_as_is(port, target, headers).status_code == 403, target
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = httpx.request(method, f"http://127.0.0.1:{port}{target}", content=everything, headers=headers)
            assert answer.status_code in ((403,) if method == "POST" else (403, 405)), (method, target)
    assert system.positions() == positions
    assert status(system.edge, path) == "HIT"
    assert kept in system.kept_keys("nginx-edge")


def test_the_internal_entry_refuses_purging_to_the_holder_of_the_token_too(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    system.edge.get(path)
    for target in (f"/purge{path}", "/generations"):
        assert system.api.get(target, headers=token(system)).status_code == 403
        assert system.api.post(target, headers=token(system), content="0 0 now\n").status_code == 403
    assert status(system.cache, path) == "HIT"


@pytest.mark.parametrize("tier", ["edge", "cache"])
def test_the_holder_of_the_token_purges_one_address_and_with_it_all_forms_on_that_node(
    system: System, photos: dict[str, bytes], name: str, tier: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    system.upload(f"{name}-other.jpg", photos["china.jpg"])
    client, other = (system.edge, system.cache) if tier == "edge" else (system.cache, system.edge)
    for one in (name, f"{name}-other"):
        fill(system, one)
    path = f"/assets/media/optimise/200x0/DEV/{name}.webp"
    [key] = [kept for kept in system.kept_keys(f"nginx-{tier}") if kept.endswith(path)]
    for turn in range(2):
        assert client.get(f"/purge{path}", headers=token(system)).status_code == 200
        assert key not in system.kept_keys(f"nginx-{tier}"), "its file is gone"
        seen = [status(client, form) for form in forms(name)]
        assert seen.count("MISS") == KEPT_FORMS, (turn, seen)
        assert {status(client, form) for form in forms(name)} == {"HIT"}
        assert {status(other, form) for form in forms(name)} == {"HIT"}, "each node has its own"
        [key] = [kept for kept in system.kept_keys(f"nginx-{tier}") if kept.endswith(path)]
    assert {status(client, form) for form in forms(f"{name}-other")} == {"HIT"}
    assert client.get(f"/purge{path.replace('200x0', '201x0')}", headers=token(system)).status_code == 404
    assert status(client, path) == "MISS", "of an address that was not stored the asset is stale all the same"


@pytest.mark.parametrize("tier", ["edge", "cache"])
def test_the_list_and_a_page_are_purged_by_hand_too(
    system: System, photos: dict[str, bytes], name: str, tier: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    client = getattr(system, tier)
    for path in ("/catalog", f"/catalog/{entry['uuid']}"):
        client.get(path)
        assert status(client, path) == "HIT"
        assert client.get(f"/purge{path}", headers=token(system)).status_code == 200
        assert [status(client, path) for _ in range(2)] == ["MISS", "HIT"], path
