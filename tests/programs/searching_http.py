"""What a search costs over HTTP: a catalog process with a Redis that has very many entries.

    python -m tests.programs.searching_http [ENTRIES]          (a million by default: ten minutes)

It prints the time and memory to make the index, while entries are requested; the times of searches; the time until a
change is found; the time to start with an index; and the processor time of an upload with an index and without one.
"""

import asyncio
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
from PIL import Image

from services.core.assets import identity
from services.core.state import entry_json, keys
from services.core.state.connection import connect
from tests.processes.redis_server import RedisServer
from tests.programs.searching import an_entry, words
from tests.support.catalogs import an_entry as a_usual_entry
from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.ports import free_ports

ENTRIES, BATCH, TIMES, UPLOADS = 1_000_000, 1000, 100, 500
CHANCE = random.Random(1)
SEARCHES = {
    "rare word": lambda: f"q=photo-{CHANCE.randrange(100_000, 999_999)}",
    "a part of words": lambda: f"q={words(CHANCE, 1)[:6]}",
    "two words": lambda: f"q={words(CHANCE, 1)[:6]} {words(CHANCE, 1)[:6]}",
    "frequent word": lambda: "q=summer",
    "frequent word, facets": lambda: "q=summer&facets=tag,type,folder",
    "as one types": lambda: f"q={'summer dormi'[: CHANCE.randint(1, 12)].strip()}",
    "folder": lambda: f"folder=/DEV/folder{CHANCE.randrange(1000)}&facets=tag,type",
    "tag": lambda: f"tag=tag{CHANCE.randrange(20)}",
    "rare tag, facets": lambda: f"tag=rare{CHANCE.randrange(7)}&facets=tag,type,folder",
    "type": lambda: "type=image/png",
    "color, orientation": lambda: "color=pink&orientation=portrait",
    "width": lambda: f"min_width={CHANCE.randrange(1000, 4000)}",
    "size": lambda: f"max_size={CHANCE.randrange(1000, 5_000_000)}",
    "dates, type": lambda: "uploaded_after=2020-06-01&uploaded_before=2020-09-01&type=image/png",
    "missing alt": lambda: "missing=alt&facets=type",
    "expired": lambda: "expired=true",
    "all, facets": lambda: "facets=tag,type,folder",
    "all by name": lambda: "sort=name",
    "word by size": lambda: "q=summer&sort=-size",
}


class Catalog:
    """A catalog process, and a client of it."""

    def __init__(self, redis_url: str, folder: Path, index_max: str = "4gb") -> None:
        [port] = free_ports(1)
        self.began = time.perf_counter()
        environment = {**os.environ, "REDIS_URL": redis_url, "DATA_FOLDER_PATH": str(folder), "PORT": str(port)}
        environment |= {
            "HOST": "127.0.0.1",
            "SEARCH_INDEX_MAX": index_max,
            "LOG_LEVEL": "ERROR",
            "PURGE_WAIT_SECONDS": "0",
        }
        self.process = children.start(
            [sys.executable, "-m", "services.catalog"], environment, stdout=subprocess.DEVNULL
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return self.client.get("/readiness-check").status_code == 200
        except httpx.TransportError:
            return False

    def has_index(self) -> bool:
        answer = self.client.get("/catalog/search?limit=1")
        return answer.status_code == 200 and bool(answer.json()["current"])

    def cpu(self) -> float:
        """Return the processor time of the process, seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, what: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(rf"{what}:\s+(\d+)", status)[0]) // 1024

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait()


async def fill(url: str, count: int) -> None:
    client, usual = connect(url), orjson.loads(entry_json.write(a_usual_entry()))
    for start in range(0, count, BATCH):
        raws = [{**usual, **orjson.loads(an_entry(number))} for number in range(start, min(start + BATCH, count))]
        by_key: dict[str, bytes] = {}
        named: dict[str, str] = {}
        for raw in raws:
            name = raw["unique_name"]
            raw |= {"uuid": identity.asset_uuid(name), "storage_key": name[1:], "destination": name.split("/")[2]}
            key = identity.entry_key(name)
            by_key[key] = orjson.dumps(raw)
            named |= dict.fromkeys(identity.other_names(raw["uuid"], name), key)
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.hset(keys.ENTRIES, mapping=by_key)
            pipeline.zadd(keys.ORDER, {key: number for number, key in enumerate(by_key, start + 1)})
            pipeline.hset(keys.UUIDS, mapping=named)
            await pipeline.execute()
    await client.aclose()


def name_of(raw: bytes) -> str:
    return re.findall(rb'"unique_name":"([^"]+)"', raw)[0].decode()


def spread(times: list[float]) -> str:
    times = sorted(times)
    middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    return f"median {middle * 1000:.1f} ms, p95 {late * 1000:.1f} ms, slowest {times[-1] * 1000:.1f} ms"


@contextmanager
def timed(times: list[float]) -> Iterator[None]:
    before = time.perf_counter()
    yield
    times.append(time.perf_counter() - before)


def make(catalog: Catalog) -> None:
    times: list[float] = []
    key = identity.asset_uuid(name_of(an_entry(7)))
    before = catalog.cpu()
    while not catalog.has_index():
        with timed(times):
            catalog.client.get(f"/catalog/{key}")
        time.sleep(0.02)
    print(
        f"index made in {time.perf_counter() - catalog.began:.1f} s, processor time {catalog.cpu() - before:.1f} s; "
        f"memory {catalog.memory_mb('VmRSS')} MB, at most {catalog.memory_mb('VmHWM')} MB"
    )
    print(f"meanwhile, an entry: {spread(times)}")


def search(catalog: Catalog) -> None:
    everything: list[float] = []
    for what, make_query in SEARCHES.items():
        times: list[float] = []
        before = catalog.cpu()
        for _ in range(TIMES):
            with timed(times):
                answer = catalog.client.get(f"/catalog/search?{make_query()}")
            assert answer.status_code == 200, answer.text
        everything += times
        print(f"{what:24} {spread(times)}, processor time {(catalog.cpu() - before) / TIMES * 1000:.1f} ms")
    print(f"{'all searches':24} {spread(everything)}; memory {catalog.memory_mb('VmRSS')} MB")


def change(catalog: Catalog) -> None:
    times: list[float] = []
    for number in range(TIMES):
        uuid = identity.asset_uuid(name_of(an_entry(number)))
        answer = catalog.client.patch(f"/catalog/{uuid}", json={"information": f"new{number}"})
        assert answer.status_code == 200, answer.text
        with timed(times):
            found = catalog.client.get(f"/catalog/search?q=new{number}").json()
        assert found.get("total") == 1, found
    print(f"a change is found: {spread(times)}")


def picture(number: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((640, 480), 20).convert("RGB").save(out, "JPEG", comment=str(number).encode())
    return out.getvalue()


def upload(catalog: Catalog, prefix: str, count: int) -> float:
    """Upload pictures one after the other; return the milliseconds of processor time of each."""
    data = picture(0)
    before = catalog.cpu()
    for number in range(count):
        form = {"namespace": "DEV", "destination": "uploads"}
        files = {"file": (f"{prefix}-{number}.jpg", data + f"{prefix}{number}".encode())}
        answer = catalog.client.post("/file", data=form, files=files)
        assert answer.status_code == 200, answer.text
    time.sleep(2)
    return (catalog.cpu() - before) / count * 1000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(Path(folder))
        data = Path(folder) / "data"
        data.mkdir()
        try:
            empty = Catalog(redis.url, data)
            upload(empty, "first", 1)
            empty.stop()
            asyncio.run(fill(redis.url, count))
            shutil.rmtree(data / ".search")
            catalog = Catalog(redis.url, data)
            make(catalog)
            search(catalog)
            change(catalog)
            upload(catalog, "warm-up", 100)
            catalog.stop()
            catalog = Catalog(redis.url, data)
            wait_until(catalog.has_index, 300)
            print(f"started with an index: first answer after {time.perf_counter() - catalog.began:.1f} s")
            for turn in range(2):
                with_index = upload(catalog, f"with{turn}", UPLOADS)
                catalog.stop()
                catalog = Catalog(redis.url, data, "64kb")
                without = upload(catalog, f"without{turn}", UPLOADS)
                catalog.stop()
                print(f"an upload: {with_index:.2f} ms of catalog, {without:.2f} ms without an index")
                catalog = Catalog(redis.url, data)
                wait_until(catalog.has_index, 300)
            catalog.stop()
        finally:
            redis.stop()


if __name__ == "__main__":
    main()
