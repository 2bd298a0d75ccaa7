"""Every part killed, frozen and restarted while clients upload, replace, delete and read: what they see of it.

The load checks every answer (tests/support/load.py). The numbers of docs/reliability.md come from `make test-faults`.
"""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.processes.fault_proxy import Faulty
from tests.processes.s3_server import BUCKET, S3Server
from tests.processes.system import System
from tests.support.load import Load
from tests.support.outages import OUTAGE, RECOVERED_WITHIN, Faulted
from tests.support.waits import wait_until

pytestmark = pytest.mark.timed

REDIS_OUTAGE = float(os.environ.get("FAULT_REDIS_SECONDS", "8"))
PARTS = ("redis", "s3", "catalog", "transform", "jobs", "nginx-cache", "nginx-edge")
TIERS = ("nginx-cache", "nginx-edge")
WITHIN = {"s3": 20.0}
"""Seconds, where it is not RECOVERED_WITHIN: this S3 server needs a while for itself."""


@dataclass(frozen=True, slots=True)
class OnS3(Faulted):
    server: S3Server
    way: Faulty
    """To the server."""

    def stored(self) -> set[str]:
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="DEV/")
        return {one["Key"] for page in pages for one in page.get("Contents", [])}


@dataclass(frozen=True, slots=True)
class Part:
    """What can be done to one part of a system; an S3Server has the same."""

    system: System
    name: str

    def start(self) -> None:
        self.system.start(self.name)

    def kill(self) -> None:
        self.system.kill(self.name)

    def end(self) -> None:
        self.system.end(self.name)

    def pause(self) -> None:
        self.system.pause(self.name)

    def resume(self) -> None:
        self.system.resume(self.name)


@pytest.fixture(scope="module")
def faulted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnS3]:
    """A system on S3, as files cannot be killed, and its load."""
    folder = tmp_path_factory.mktemp("faulted")
    server = S3Server(folder / "s3")
    way = Faulty(server.port)
    # However busy this machine is, a render waits for its turn: what is refused here is refused for the fault.
    more = {"S3_ENDPOINT": f"http://127.0.0.1:{way.port}", "RENDER_WAIT_SECONDS": "10"}
    system = System(folder, server.environment(**more))
    try:
        server.start()
        system.start()
        made = OnS3(system, Load(system, pause=0.02), server, way)
        made.load.prepare()
        yield made
    finally:
        system.stop()
        way.close()
        server.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_fails_costs_no_change_and_shows_nothing_wrong(faulted: OnS3, name: str) -> None:
    part = faulted.server if name == "s3" else Part(faulted.system, name)

    def kill() -> None:
        part.kill()
        time.sleep(OUTAGE)

    def freeze() -> None:
        part.pause()
        time.sleep(OUTAGE)

    within = WITHIN.get(name, RECOVERED_WITHIN)
    with faulted.load.running():
        all_passed = [
            faulted.go_through(name, f"`kill -9`, away {OUTAGE:g} s", kill, part.start, within),
            faulted.go_through(name, f"frozen {OUTAGE:g} s", freeze, part.resume, within),
            faulted.go_through(name, "restarted", part.end, part.start, within),
        ]
    faulted.check_what_is_left()
    for passed in all_passed:
        # A tier that is away answers nobody. Nothing else that fails costs a cached answer, or leaves one out.
        assert name in TIERS or passed.outcomes("cached") <= {"ok"}
        assert name in (*TIERS, "transform") or "lost" not in passed.outcomes("changing", "uncached")
        assert name == "nginx-cache" or "lost" not in passed.outcomes("upload", "replace", "delete")


@pytest.mark.timeout(600)
def test_with_redis_away_caches_serve_all_else_is_told_to_come_back_and_all_is_well_within_5_s(faulted: OnS3) -> None:
    system = faulted.system

    def away() -> None:
        system.kill("redis")
        end = time.monotonic() + REDIS_OUTAGE
        while time.monotonic() < end:
            for path in faulted.load.steady_paths():
                assert system.edge.get(path).status_code == 200
                assert system.cache.get(path).status_code == 200
            time.sleep(0.1)

    with faulted.load.running():
        passed = faulted.go_through("redis", f"`kill -9`, away {REDIS_OUTAGE:g} s", away, Part(system, "redis").start)
    faulted.check_what_is_left()
    assert passed.outcomes("cached") == {"ok"}
    for kinds in (("uncached",), ("upload", "replace", "delete")):
        assert passed.outcomes(*kinds) == {"ok", "refused"}  # `ok` is from afterwards.


@pytest.mark.timeout(600)
def test_a_storage_that_is_slow_makes_things_slow_and_nothing_else(faulted: OnS3) -> None:
    def slow() -> None:
        faulted.way.set("delay")
        time.sleep(max(3.0, OUTAGE))

    with faulted.load.running():
        passed = faulted.go_through("s3", "each answer 0.3 s late", slow, lambda: faulted.way.set("pass"))
    faulted.check_what_is_left()
    assert passed.outcomes("cached", "changing", "uncached") == {"ok"}
    assert passed.outcomes("upload", "replace", "delete") <= {"ok", "queued"}
    assert max(event.seconds for event in passed.events if event.kind == "cached") < 1


@pytest.mark.timeout(600)
def test_a_redis_that_comes_back_empty_is_filled_from_a_dump_and_no_file_is_lost(faulted: OnS3) -> None:
    """The last test of this system: what was changed after the dump is gone, as Redis was told to forget it."""
    system = faulted.system
    system.wait_until_described()
    assert system.api.post("/catalog/create-dump").status_code == 200
    before = system.api.get("/catalog").json()
    stored = faulted.stored()
    cached = faulted.load.steady_paths()

    system.kill("redis")
    shutil.rmtree(system.stack.data / "redis" / "appendonlydir")
    system.start("redis")
    wait_until(lambda: system.api.get("/readiness-check").status_code == 200, within=5)
    assert system.api.get("/catalog").json() == []
    uncached = f"/assets/media/full{before[0]['unique_name']}?width=33"
    # The nodes of the gateway know of changes that this Redis has not: they are told to begin anew, and then hold
    # nothing of what was before. Nobody has to empty a cache by hand.
    wait_until(lambda: system.edge.get(uncached).status_code == 404, within=5)
    for path in cached:
        for client in (system.edge, system.cache):
            assert client.get(path).status_code == 404

    restored = system.api.post("/catalog/restore-dump/latest")
    assert restored.status_code == 200, restored.text
    assert system.api.get("/catalog").json() == before
    assert faulted.stored() >= stored
    wait_until(lambda: system.edge.get(uncached).status_code == 200, within=5)
    for path in cached:
        for client in (system.edge, system.cache):
            assert client.get(path).status_code == 200
    with faulted.load.running():
        started = time.monotonic()
        wait_until(lambda: faulted.load.works_since(started), within=15)
    faulted.check_what_is_left()
