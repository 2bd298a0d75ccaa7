"""What one of each costs, in processor time and memory: the numbers of docs/scaling.md.

    python -m tests.programs.sizing          (a minute; needs wrk)

Processor time is that of the processes of a running system, so that other work on the machine changes little.
"""

import asyncio
import io
import json
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from PIL import Image

from services.core.assets import events, identity
from services.core.state import keys
from services.core.state.changes import KEPT
from services.core.state.connection import connect
from tests.processes.system import System
from tests.support.catalogs import an_entry, fill, many
from tests.support.photographs import CHINA

ENTRIES, FORMS = 100_000, 2000
SERVICES = ("catalog", "transform", "jobs", "redis", "nginx-cache", "nginx-edge")


def photo(width: int, height: int, quality: int) -> bytes:
    source = CHINA
    out = io.BytesIO()
    Image.open(source).resize((width, height), Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality)
    return out.getvalue()


def processes(system: System, name: str) -> list[int]:
    pid = system.pid(name)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu(system: System, name: str) -> float:
    """Return the processor time of a part and its children, seconds."""
    ticks = 0
    for pid in processes(system, name):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def memory_mb(system: System, name: str) -> float:
    kb = 0
    for pid in processes(system, name):
        kb += int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])
    return round(kb / 1024, 1)


class Costs:
    def __init__(self, system: System) -> None:
        self._system = system
        self.found: dict[str, dict[str, float]] = {}

    @contextmanager
    def of(self, what: str, count: int) -> Iterator[None]:
        """Note the milliseconds of processor time that each part needs for one of `count`."""
        before = {name: cpu(self._system, name) for name in SERVICES}
        yield
        spent = {name: (cpu(self._system, name) - before[name]) * 1000 / count for name in SERVICES}
        self.found[what] = {name: round(ms, 3) for name, ms in spent.items() if ms > 0.0005}


def hits(system: System, path: str) -> int:
    """Ask the edge for something cached as fast as it goes; return how often it has answered."""
    said = subprocess.run(
        ["wrk", "-t1", "-c8", "-d4s", f"http://127.0.0.1:{system.ports.edge}{path}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Non-2xx" not in said, said
    return int(re.findall(r"(\d+) requests in", said)[0])


async def _fill(port: int) -> None:
    client = connect(f"redis://127.0.0.1:{port}")
    await fill(client, many(ENTRIES))
    await client.aclose()


def redis_bytes(system: System) -> dict[str, float]:
    """Return what Redis has in memory for an entry and for a change, and for all forms of an asset in the caches."""
    with redis.Redis(port=system.ports.redis) as client:
        empty = client.info("memory")["used_memory"]
        log = sum(file.stat().st_size for file in (system.stack.data / "redis").rglob("*") if file.is_file())
        asyncio.run(_fill(system.ports.redis))
        full = client.info("memory")["used_memory"]
        grown = sum(file.stat().st_size for file in (system.stack.data / "redis").rglob("*") if file.is_file())
        entry = client.hget(keys.ENTRIES, client.zrange(keys.ORDER, 0, 0)[0])
        for number in range(FORMS):
            path = f"/assets/media/full/DEV/photos/photo-0.jpg?width={number + 1}"
            assert system.edge.get(path).headers["x-cache-status"] == "MISS"
        asked = client.info("memory")["used_memory"]
        pipeline = client.pipeline(transaction=False)
        for number in range(KEPT):
            pipeline.xadd("tada-sizing", change(number))
        pipeline.execute()
        logged = client.info("memory")["used_memory"]
        client.delete("tada-sizing")
    return {
        "entry_json": len(entry),
        "entry": (full - empty) / ENTRIES,
        "entry_in_log": (grown - log) / ENTRIES,
        f"{FORMS}_forms": asked - full,
        "change": (logged - asked) / KEPT,
        "changes_kept": KEPT,
    }


def change(number: int) -> dict[str, str | bytes]:
    """Return a change as the log has it (services/core/state/lua/write.lua)."""
    name = f"/DEV/photos/photo-{number}"
    return {
        "kind": "written",
        "uuid": identity.asset_uuid(f"{name}.webp"),
        "unique_name": f"{name}.webp",
        "original_name": f"{name}.jpg",
        "request_id": secrets.token_hex(16),
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "who": "media",
        "event": events.written(None, an_entry(f"photo-{number}", folder="photos")).to_text(),
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tada-sizing-") as folder:
        system = System(Path(folder), {})
        try:
            system.start()
            print(json.dumps(measure(system), indent=1))
        finally:
            system.stop()


def measure(system: System) -> dict[str, object]:
    costs, large = Costs(system), photo(2000, 1500, 91)
    result: dict[str, object] = {"source_bytes": len(large), "idle_mb": {n: memory_mb(system, n) for n in SERVICES}}
    with costs.of("upload", 100):
        for number in range(100):
            answer = system.api.post("/file", files={"file": (f"u{number}.jpg", large)}, data={"namespace": "DEV"})
            assert answer.status_code == 200
    system.upload("photo.jpg", large)
    for width, count in ((200, 200), (800, 100), (0, 20)):
        path = f"/assets/media/optimise/{width}x0/DEV/photo.webp"
        size = len(system.edge.get(path).content)
        with costs.of(f"render {width or 'full'} ({size} bytes)", count):
            for _ in range(count):
                assert system.transform.get(path).status_code == 200
    with costs.of("missed at the edge, hit in the cache tier", 300):
        for _ in range(300):
            assert system.cache.get("/assets/media/optimise/200x0/DEV/photo.webp").status_code == 200
    for path in ("/assets/media/optimise/200x0/DEV/photo.webp", "/assets/media/optimise/800x0/DEV/photo.webp"):
        before = {name: cpu(system, name) for name in ("nginx-edge", "nginx-cache")}
        count = hits(system, path)
        spent = cpu(system, "nginx-edge") - before["nginx-edge"]
        costs.found[f"hit at the edge {path}"] = {"nginx-edge": round(spent * 1000 / count, 4), "requests": count}
    result["ms_of_processor"] = costs.found
    result["cache_key"] = next(key for key in system.kept_keys("nginx-cache") if "/200x0/" in key)
    result["busy_mb"] = {name: memory_mb(system, name) for name in SERVICES}
    result["redis_bytes"] = redis_bytes(system)
    with costs.of("list of all entries", 3):
        for _ in range(3):
            length = len(system.api.get("/catalog", headers={"Accept-Encoding": "identity"}).content)
    with costs.of("page of 1000", 50):
        for _ in range(50):
            assert len(system.api.get("/catalog?limit=1000").json()) == 1000
    result["list_bytes"] = length
    result["entries"] = ENTRIES
    return result


if __name__ == "__main__":
    main()
