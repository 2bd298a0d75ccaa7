"""Disks that are full, and clocks that are wrong, under the same load.

Each disk is a small one in memory, mounted for the test; where that is not allowed there is nothing to be seen here.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.processes.system import System
from tests.support.load import Load
from tests.support.outages import OUTAGE, Faulted
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

pytestmark = pytest.mark.timed

SIZES = {"storage": "120m", "redis": "24m", "cache": "192m"}
ROOM = 32 * 2**20
"""Bytes; each tier keeps twice as many free (min_free of gateway/nginx/*.conf.template)."""
CLOCK_LIBRARIES = list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
JUMPED = max(2.0, OUTAGE)
"""Seconds. A service looks at the file once in a second."""
SERVICES = ("catalog", "transform", "jobs")


@pytest.fixture(scope="module")
def faulted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulted]:
    """A system with small disks."""
    folder = tmp_path_factory.mktemp("small")
    with ExitStack() as stack:
        for name, size in SIZES.items():
            disk = folder / "data" / name
            disk.mkdir(parents=True)
            mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
            if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
                pytest.skip("mounting is not allowed here")
            stack.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        # However busy this machine is, a render waits for its turn: what is refused here is refused for the fault.
        system = System(folder, {"RENDER_WAIT_SECONDS": "10"})
        stack.callback(system.stop)
        system.start()
        made = Faulted(system, Load(system, pause=0.02))
        made.load.prepare()
        yield made


@pytest.fixture(scope="module")
def clocks(faulted: Faulted) -> None:
    """Have the services of the system read their clocks from files."""
    for name in SERVICES:
        faulted.system.end(name)
        set_clock(faulted.system, name, 0)
        faulted.system.change_environment(name, **clock_of(faulted.system, name))
    faulted.system.start(*SERVICES)


def clock_of(system: System, name: str) -> dict[str, str]:
    """Return what makes a service read its clock from a file."""
    return {
        "LD_PRELOAD": str(CLOCK_LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(system.folder / f"{name}.clock"),
        "FAKETIME_CACHE_DURATION": "1",
        # Time still passes evenly, as it does when somebody sets the clock.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(system: System, name: str, seconds: int) -> None:
    file = system.folder / f"{name}.clock"
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.rename(file)


class Filler:
    """A file that takes all the room there is."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "filler"

    def fill(self) -> None:
        for size in (2**20, 2**12):
            with suppress(OSError), self._file.open("ab", buffering=0) as file:
                while True:
                    file.write(bytes(size))

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)


@pytest.mark.timeout(600)
def test_a_full_storage_refuses_uploads_and_keeps_everything(faulted: Faulted) -> None:
    filler = Filler(faulted.system.stack.data / "storage")

    def full() -> None:
        began = time.monotonic()

        def enough() -> bool:
            filler.fill()  # Again, as a delete makes room.
            refused = any(event.outcome == "refused" for event in faulted.load.between(began))
            return refused and time.monotonic() - began > OUTAGE

        wait_until(enough, within=OUTAGE + 20)

    with faulted.load.running():
        passed = faulted.go_through("storage", f"disk full for {OUTAGE:g} s", full, filler.remove)
    faulted.check_what_is_left()
    assert passed.outcomes("cached", "changing", "uncached") == {"ok"}
    assert passed.outcomes("upload", "replace") == {"ok", "refused"}
    expected = {entry["storage_key"]: entry["signature"] for entry in faulted.system.api.get("/catalog").json()}
    wait_until(lambda: faulted.system.stored_files() == expected, within=30)


@pytest.mark.timeout(600)
def test_a_redis_whose_disk_is_full_acknowledges_nothing_that_it_could_lose(faulted: Faulted) -> None:
    system = faulted.system
    filler = Filler(system.stack.data / "redis")

    def full() -> None:
        filler.fill()
        # Redis ends itself when it cannot write; its supervisor starts it again.
        wait_until(lambda: not system.runs("redis"), within=20)
        time.sleep(OUTAGE)

    def room() -> None:
        filler.remove()
        system.start("redis")

    with faulted.load.running():
        passed = faulted.go_through("redis", f"disk full, away {OUTAGE:g} s", full, room)
    faulted.check_what_is_left()
    assert passed.outcomes("cached") == {"ok"}
    assert passed.outcomes("upload", "replace", "delete") <= {"ok", "refused"}


@pytest.mark.timeout(600)
def test_caches_make_room_when_something_else_fills_their_disk(faulted: Faulted) -> None:
    """For as long as there is none, what is cached is served. The disk stays full of what is not theirs."""
    system = faulted.system
    for number in range(8):
        system.upload(f"large-{number}.pdf", pdf(size=9_000_000))
        assert system.edge.get(f"/assets/media/original/DEV/large-{number}.pdf").status_code == 200
    # What was asked for last is what goes last.
    for path in faulted.load.steady_paths():
        for tier in (system.edge, system.cache):
            assert tier.get(path).status_code == 200
    disk = system.stack.data / "cache"
    filler = Filler(disk)

    def make_room() -> None:
        # Its nginx looks after it every 10 s.
        wait_until(lambda: shutil.disk_usage(disk).free > ROOM, within=25)

    with faulted.load.running():
        passed = faulted.go_through("both tiers", "disk full, and stays so", filler.fill, make_room)
    faulted.check_what_is_left()
    assert passed.outcomes("cached") == {"ok"}
    assert passed.outcomes("upload", "replace", "delete") == {"ok"}
    filler.remove()


@pytest.mark.timeout(600)
@pytest.mark.skipif("FAULT_SECONDS" not in os.environ, reason="takes a minute: make test-faults")
@pytest.mark.skipif(not CLOCK_LIBRARIES, reason="libfaketime is not installed")
@pytest.mark.usefixtures("clocks")
@pytest.mark.parametrize("name", SERVICES)
def test_a_clock_that_jumps_costs_nothing_and_shows_nothing_wrong(faulted: Faulted, name: str) -> None:
    def jump(seconds: int) -> Callable[[], None]:
        def set_and_wait() -> None:
            set_clock(faulted.system, name, seconds)
            time.sleep(JUMPED)

        return set_and_wait

    def put_right() -> None:
        set_clock(faulted.system, name, 0)

    with faulted.load.running():
        all_passed = [
            faulted.go_through(name, f"clock {hours:+d} h for {JUMPED:g} s", jump(hours * 3600), put_right, within=20)
            for hours in (1, -1)
        ]
    faulted.check_what_is_left()
    for passed in all_passed:
        assert passed.outcomes("cached", "changing", "uncached") == {"ok"}
        assert passed.outcomes("upload", "replace", "delete") <= {"ok", "queued"}
