"""`make soak MINUTES=n`: a whole system under mixed load for long: are all answers right, and is its memory flat?

Writes soak.json and soak.svg to a folder, and ends with 1 when an answer was wrong or a process has grown.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.processes.system import System
from tests.programs.plot import Panel, draw
from tests.support.load import Event, Load

READS = ("cached", "changing", "uncached")
WRITES = ("upload", "replace", "delete")
KEPT = ("HIT", "STALE", "UPDATING")
GROWTH_MAX, GROWTH_MB = 1.10, 5
"""How much larger a process may be in the last quarter than it was in the second."""
SAMPLES = 120


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen in one interval that ended `minute` minutes after the start. Times in ms, memory in MB."""

    minute: float
    reads: int
    writes: int
    read_median: float
    read_p99: float
    write_median: float
    write_p99: float
    hit_percent: float
    """Of reads of what is cached or was changed: those that a tier answered by itself."""
    memory: dict[str, float]


def run(system: System, load: Load, minutes: float) -> list[Sample]:
    """Put a system under load, look at it at even intervals, and check everything at the end."""
    samples = []
    started = at = time.monotonic()
    with load.running():
        for number in range(1, SAMPLES + 1):
            time.sleep(max(0.0, started + number * minutes * 60 / SAMPLES - time.monotonic()))
            now = time.monotonic()
            samples.append(sample((now - started) / 60, load.between(at, now), memory(system)))
            at = now
    system.wait_until_purged(within=10)
    load.settle()
    load.check_originals()
    return samples


def sample(minute: float, events: list[Event], used: dict[str, float]) -> Sample:
    reads = [event.seconds * 1000 for event in events if event.kind in READS]
    writes = [event.seconds * 1000 for event in events if event.kind in WRITES]
    cacheable = [event.cache_status in KEPT for event in events if event.kind in ("cached", "changing")]
    (read_median, read_p99), (write_median, write_p99) = _percentiles(reads), _percentiles(writes)
    return Sample(
        minute=round(minute, 3),
        reads=len(reads),
        writes=len(writes),
        read_median=read_median,
        read_p99=read_p99,
        write_median=write_median,
        write_p99=write_p99,
        hit_percent=round(100 * sum(cacheable) / max(1, len(cacheable)), 1),
        memory=used,
    )


def _percentiles(values: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, to a tenth."""
    if len(values) < 2:
        return round(sum(values), 1), round(sum(values), 1)
    return round(statistics.median(values), 1), round(statistics.quantiles(values, n=100, method="inclusive")[98], 1)


def memory(system: System) -> dict[str, float]:
    """Return what each part has resident, in MB, with the processes it has started.

    Memory that processes share is not counted: nginx' zones have a fixed size and fill up with the keys of its cache.
    """
    return {name: round(sum(_resident(pid) for pid in _family(system.pid(name))), 1) for name in system.parts()}


def _family(pid: int) -> Iterable[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else []:
        yield from _family(int(child))


def _resident(pid: int) -> float:
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile")) / 1024
    except (OSError, KeyError):  # A process that was there a moment ago.
        return 0.0


def grown(samples: list[Sample]) -> dict[str, tuple[float, float]]:
    """Return the parts that have grown, with their mean size in the second and in the last quarter of the time."""
    quarter = len(samples) // 4
    found = {}
    for name in samples[0].memory:
        sizes = [one.memory[name] for one in samples]
        early, late = statistics.mean(sizes[quarter : 2 * quarter]), statistics.mean(sizes[-quarter:])
        if late > early * GROWTH_MAX + GROWTH_MB:
            found[name] = (round(early, 1), round(late, 1))
    return found


def summary(load: Load, samples: list[Sample]) -> dict[str, Any]:
    events = load.events
    half = len(samples) // 2
    return {
        "minutes": samples[-1].minute,
        "cores": os.cpu_count(),
        "machine_load": [round(value, 1) for value in os.getloadavg()],
        "reads": sum(event.kind in READS for event in events),
        "writes": sum(event.kind in WRITES for event in events),
        "acknowledged": load.acknowledged,
        "not_answered": sum(event.outcome in ("refused", "lost") for event in events),
        "queued": sum(event.outcome == "queued" for event in events),
        "wrong": load.wrong,
        "read_ms": _percentiles([event.seconds * 1000 for event in events if event.kind in READS]),
        "write_ms": _percentiles([event.seconds * 1000 for event in events if event.kind in WRITES]),
        "hit_percent": round(statistics.mean(one.hit_percent for one in samples), 1),
        "memory_mb": {
            name: {
                "first_half": round(statistics.mean(one.memory[name] for one in samples[:half]), 1),
                "second_half": round(statistics.mean(one.memory[name] for one in samples[half:]), 1),
                "most": max(one.memory[name] for one in samples),
            }
            for name in samples[0].memory
        },
        "grown": grown(samples),
    }


def plot(samples: list[Sample]) -> str:
    minutes = [one.minute for one in samples]
    names = list(samples[0].memory)
    return draw(
        minutes,
        "minutes",
        [
            Panel("memory, MB", {name: [one.memory[name] for one in samples] for name in names}),
            Panel(
                "ms",
                {
                    "read, median": [one.read_median for one in samples],
                    "read, 99 %": [one.read_p99 for one in samples],
                    "write, median": [one.write_median for one in samples],
                    "write, 99 %": [one.write_p99 for one in samples],
                },
                logarithmic=True,
            ),
            Panel("hits, %", {"of what can be cached": [one.hit_percent for one in samples]}, top=100),
        ],
    )


def main(minutes: float, folder: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="tada-soak-") as data:
        system = System(Path(data), {})
        try:
            system.start()
            load = Load(system)
            load.prepare()
            samples = run(system, load, minutes)
        finally:
            system.stop()
    found = summary(load, samples)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.json").write_text(json.dumps({**found, "samples": [asdict(one) for one in samples]}, indent=1))
    (folder / "soak.svg").write_text(plot(samples))
    print(json.dumps(found, indent=1))
    return 1 if found["wrong"] or found["grown"] or not load.acknowledged else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), Path(sys.argv[2])))
