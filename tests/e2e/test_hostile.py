"""Hundreds of files that mean harm, uploaded to a running system and asked for."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.system import System
from tests.support.hostile_files import Hostile, corpus
from tests.support.pixels import decode
from tests.support.problems import problem, problems

EVERY = 16
"""Of the files that are cut off somewhere, one in so many: tests/unit/transform/render/test_hostile.py has them all."""
SECONDS_MAX = 2.0
"""Of processor time, so that what else the machine does changes nothing."""
DESCRIBED_WITHIN = 240.0
"""Some hundred files wait in a queue to be looked at, one after the other, each in a process of its own."""
MEMORY_MAX = {"catalog": 300, "transform": 400, "jobs": 300}
"""Of transform, each of the two arenas of the allocator may keep what one picture needed, some 95 MB."""
STALLED_SECONDS = 10.0
ALL_TYPES = "image/png,image/jpeg,image/webp,image/svg+xml,application/pdf,image/gif,image/avif,image/tiff,image/heic"


def chosen() -> list[Hostile]:
    files = corpus()
    cut = [file for file in files if file.whole]
    return [file for file in files if not file.whole] + cut[::EVERY]


def uploaded(system: System, files: list[Hostile]) -> Iterator[tuple[Hostile, dict[str, Any] | None]]:
    """Upload all files, and yield each with its entry, or with None if it was refused."""
    for first in range(0, len(files), 50):
        batch = {f"h{first + at}.{file.extension}": file for at, file in enumerate(files[first : first + 50])}
        parts = [("files", (name, file.content)) for name, file in batch.items()]
        answer = system.api.post("/files", files=parts, data={"namespace": "DEV"})
        assert answer.status_code in (200, 400), answer.text
        entries = {entry["original_filename"].partition(".")[0]: entry for entry in answer.json()["data"]}
        assert len(entries) + len(problems(answer)) >= len(batch)
        for name, file in batch.items():
            yield file, entries.get(name.partition(".")[0])


def memory(system: System, name: str) -> float:
    """Return the most memory that a part has ever had, in MB."""
    status = Path(f"/proc/{system.pid(name)}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.timeout(500)
def test_no_file_makes_the_service_crash_stall_or_swell(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(VALID_MIMETYPES=ALL_TYPES)
    processes = {name: system.pid(name) for name in ("catalog", "transform", "jobs")}
    refused = asked = 0
    for file, entry in uploaded(system, chosen()):
        if entry is None:
            refused += 1
            continue
        asked += 1
        started, used = time.monotonic(), system.cpu_seconds("transform")
        answer = system.edge.get(f"/assets/media/optimise/64x64{entry['unique_name']}")
        assert system.cpu_seconds("transform") - used < SECONDS_MAX, file
        assert time.monotonic() - started < STALLED_SECONDS, file
        if answer.status_code == 200:
            assert max(decode(answer.content).size) <= 64, file
        else:
            assert answer.status_code == 422, (file, answer.text)
            error = problem(answer)
            assert error["code"] == "undecodable"
            assert error["message"], file
            assert error["hint"], file
    assert refused + asked >= 300
    assert asked >= 140  # Of the documents, only those that open at their first page.
    system.wait_until_described(DESCRIBED_WITHIN)
    assert processes == {name: system.pid(name) for name in processes}
    for name in processes:
        assert memory(system, name) < MEMORY_MAX[name], name
    assert "Traceback" not in system.log("transform")
    system.upload("after.jpg", photos["china.jpg"])
    assert system.edge.get("/assets/media/optimise/200x0/DEV/after.webp").status_code == 200
