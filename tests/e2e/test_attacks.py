"""What was tried against the freshness of the caches: by strangers, by machines that stall, and by parts that die.

Of each attack the same is asked: after a change that was answered `done` nobody is shown what was before, in any tier;
and nothing that is asked for makes anything grow.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import redis

from services.core.state import keys
from tests.processes.system import System, get_as_is
from tests.programs.soak_changes import Storm, memory
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

TIERS = ("edge", "cache", "api")
JOBS_LEAVE = 50
STORM_CHANGES, STORM_KILLS = 300, 5
"""Keys that jobs, leases and workers may make meanwhile; the attacks ask thousands of times."""


def replaced(system: System, uuid: str, content: bytes) -> httpx.Response:
    answer = system.api.patch(f"/file/{uuid}", files={"file": ("x.pdf", content)})
    assert answer.status_code == 200, answer.text
    return answer


def shown(system: System, path: str) -> dict[str, bytes]:
    return {tier: getattr(system, tier).get(path).content for tier in TIERS}


def test_a_list_address_that_is_as_long_as_can_be_poisons_nothing(system: System, name: str) -> None:
    entry = system.upload(f"{name}.pdf", pdf("old"))
    path = f"/assets/media/original/DEV/{name}.pdf"
    assert set(shown(system, path).values()) == {pdf("old")}
    for attack in (
        f"/catalog?filterByValue={'A' * 8100}",
        f"/catalog?filterByKey=information&filterByValue={'A' * 8100}",
        f"/catalog?filterByKey={'A' * 8000}",
        f"/catalog?filterByValue={'%41' * 2700}",
        f"/catalog?cursor={'9' * 8000}",
    ):
        for tier in TIERS:
            assert get_as_is(getattr(system.ports, tier), attack).status_code == 400, attack[:40]
    assert get_as_is(system.ports.edge, f"/catalog?x={'A' * 8000}").headers["x-cache-status"] in ("MISS", "HIT")
    assert replaced(system, entry["uuid"], pdf("new")).headers["x-purge"] == "done"
    assert set(shown(system, path).values()) == {pdf("new")}
    assert system.api.delete(f"/file/{entry['uuid']}").headers["x-purge"] == "done"
    assert {getattr(system, tier).get(path).status_code for tier in TIERS} == {404}


def test_forms_and_list_addresses_without_end_are_all_made_stale_by_one_change(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    # The bound is far above what the picture has: as many addresses of the same bytes as are needed.
    forms = [f"/assets/media/optimise/16x0/DEV/{name}.webp?max_kb={1000 + number}" for number in range(2000)]
    with redis.Redis(port=system.ports.redis) as client, ThreadPoolExecutor(4) as pool:
        keys = client.dbsize()
        assert {answer.status_code for answer in pool.map(system.edge.get, forms)} == {200}
        pages = [f"/catalog?limit={number % 50 + 1}&cursor={number}" for number in range(500)]
        statuses = {answer.headers["x-cache-status"] for answer in pool.map(system.edge.get, pages)}
        assert statuses == {"BYPASS"}, "no tier stores pages"
        assert {answer.headers["x-cache-status"] for answer in pool.map(system.edge.get, forms[-50:])} == {"HIT"}
        assert client.dbsize() <= keys + JOBS_LEAVE, "nothing that is asked for makes a key"
        started = time.monotonic()
        system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
        assert time.monotonic() - started < 1
        fresh = system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0]["signature"][:32]
        for answer in pool.map(system.edge.get, forms[::20]):
            assert fresh in answer.headers["etag"]


def test_names_that_do_not_exist_leave_nothing_behind(system: System) -> None:
    before = memory(system)
    paths = [
        f"/assets/media/{form}/DEV/nothing{number}.webp" for form in ("original", "full") for number in range(1500)
    ]
    with ThreadPoolExecutor(4) as pool:
        assert {answer.status_code for answer in pool.map(system.edge.get, paths)} == {404}
    after = memory(system)
    assert after["keys"] <= before["keys"] + JOBS_LEAVE
    assert after["redis_mb"] <= before["redis_mb"] + 0.3


@contextmanager
def held_up(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("tier", ["cache", "edge"])
def test_a_worker_of_nginx_that_is_held_up_stores_old_bytes_where_nobody_looks(
    make_system: Callable[..., System], name: str, tier: str, pause: float
) -> None:
    """It is stopped at different moments between a request and the end of its answer, longer than any clock allows."""
    system = make_system(PURGE_WAIT_SECONDS="1")
    old, new = pdf("old", 3_000_000), pdf("new")
    entry = system.upload(f"{name}.pdf", old)
    path = f"/assets/media/original/DEV/{name}.pdf"
    port = getattr(system.ports, tier)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096)
        worker = system.worker_of(f"nginx-{tier}", connection)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        time.sleep(pause)  # No waiting for anything: it is what differs from one trial to the next.
        with held_up(worker):
            system.pause("transform")
            # On a connection of its own: one that is kept open may be with the worker that is held up.
            answer = httpx.patch(f"{system.api.base_url}/file/{entry['uuid']}", files={"file": ("x.pdf", new)})
            time.sleep(1.5)
            system.resume("transform")
        received = b""
        while part := connection.recv(1 << 20):
            received += part
    assert answer.status_code == 200
    system.wait_until_current(_revision(system))
    answer = system.api.patch(f"/catalog/{entry['uuid']}", json={"information": "seen by all"})
    assert answer.headers["x-purge"] == "done"
    for _ in range(3):
        assert set(shown(system, path).values()) == {new}


def _revision(system: System) -> int:
    with redis.Redis(port=system.ports.redis) as client:
        return int(client.get(keys.REVISION) or 0)


@pytest.mark.parametrize("emptied", [False, True])
def test_redis_that_is_restarted_or_emptied_during_an_answer_leaves_no_old_bytes(
    make_system: Callable[..., System], name: str, emptied: bool
) -> None:
    system = make_system(PAYLOAD_MAX_SIZE="300mb")
    old, new = pdf("old", 100_000_000), pdf("new")
    entry = system.upload(f"{name}.pdf", old)
    path = f"/assets/media/original/DEV/{name}.pdf"
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(system.edge.get, path)
        wait_until(lambda: system.cpu_seconds("transform") > 0 and not sending.done(), within=5)
        system.pause("transform")
        if emptied:
            with redis.Redis(port=system.ports.redis) as client:
                client.flushall()
            wait_until(lambda: system.edge.get("/healthz").json()["current"])
            uploaded = system.api.post("/file", files={"file": (f"{name}.pdf", new)}, data={"namespace": "DEV"})
            assert uploaded.status_code == 200, uploaded.text
        else:
            system.kill("redis")
            system.start("redis")
            wait_until(lambda: system.api.get("/readiness-check").status_code == 200)
            replaced(system, entry["uuid"], new)
        system.resume("transform")
        with_old = sending.result()
    assert with_old.status_code == 200
    system.wait_until_current(_revision(system))
    for _ in range(3):
        assert set(shown(system, path).values()) == {new}


def test_an_edge_that_is_slow_beyond_every_patience_shows_nothing_old_once_a_change_is_done(
    make_system: Callable[..., System], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.5")
    entry = system.upload(f"{name}.pdf", pdf("0"))
    path = f"/assets/media/original/DEV/{name}.pdf"
    assert set(shown(system, path).values()) == {pdf("0")}
    system.pause("nginx-edge")
    outcomes = [replaced(system, entry["uuid"], pdf(str(turn))).headers["x-purge"] for turn in (1, 2)]
    wait_until(lambda: system.log("jobs").count('"event":"node_away"') > 0, within=15)
    assert replaced(system, entry["uuid"], pdf("3")).headers["x-purge"] == "queued"
    assert outcomes == ["queued", "queued"]
    assert system.cache.get(path).content == pdf("3"), "the others do not wait for it"
    system.resume("nginx-edge")

    def is_done() -> bool:
        return replaced(system, entry["uuid"], pdf("4")).headers["x-purge"] == "done"

    wait_until(is_done)
    assert set(shown(system, path).values()) == {pdf("4")}


def test_a_change_overtakes_what_is_on_its_way_without_waiting_for_it(
    make_system: Callable[..., System], name: str
) -> None:
    system = make_system(PAYLOAD_MAX_SIZE="300mb")
    old, new = pdf("old", 150_000_000), pdf("new")
    entry = system.upload(f"{name}.pdf", old)
    path = f"/assets/media/original/DEV/{name}.pdf"
    with ThreadPoolExecutor(1) as pool:
        idle = system.cpu_seconds("transform")
        sending = pool.submit(system.edge.get, path)
        wait_until(lambda: system.cpu_seconds("transform") > idle + 0.02)
        system.pause("transform")
        started = time.monotonic()
        answer = replaced(system, entry["uuid"], new)
        assert not sending.done(), "the answer was too fast for this test to show anything"
        assert (answer.headers["x-purge"], time.monotonic() - started < 1) == ("done", True)
        system.resume("transform")
        assert sending.result().content == old, "who asked before the change is given what was there"
    for _ in range(3):
        assert set(shown(system, path).values()) == {new}


def test_nobody_outside_can_choose_a_generation(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp?width=40"
    assert system.edge.get(path).status_code == 200
    for forged in ("9999999999999999", "0", "-1", "1e300", "inf", "nan", "x", "1, 2", "9" * 400):
        for port in (system.ports.edge, system.ports.api):
            answer = get_as_is(port, path, {"X-Generation": forged, "X-Stored-Key": "/x"})
            assert (answer.status_code, answer.headers["x-cache-status"]) == (200, "HIT"), forged
        # On the private network it is believed as far as it can be true, and never stored when it cannot.
        assert get_as_is(system.ports.cache, path, {"X-Generation": forged}).status_code in (200, 503), forged
    assert get_as_is(system.ports.cache, path).headers["x-cache-status"] == "HIT"
    for method in ("GET", "POST"):
        for port in (system.ports.edge, system.ports.cache, system.ports.api):
            for headers in ({}, {"X-Purge-Token": "guess"}):
                answer = httpx.request(method, f"http://127.0.0.1:{port}/generations", headers=headers)
                assert answer.status_code == 403, (method, port)


@pytest.mark.parametrize("kill", ["parts"])
def test_while_parts_are_killed_no_change_that_was_acknowledged_is_ever_taken_back(
    make_system: Callable[..., System], kill: str
) -> None:
    """Some seconds of what `make soak-changes` does with 10 000 changes."""
    system = make_system(PURGE_WAIT_SECONDS="2")
    storm = Storm(system, STORM_CHANGES, STORM_KILLS)
    before = memory(system)
    storm.run()
    assert storm.seen.stale == []
    assert storm.seen.kills >= STORM_KILLS
    assert storm.seen.done > 50
    assert memory(system)["redis_mb"] < before["redis_mb"] + 0.5
