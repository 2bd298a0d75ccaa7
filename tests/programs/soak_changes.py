"""Changes without a pause while parts of a system are killed, and readers that look for old bytes.

    python -m tests.programs.soak_changes [CHANGES]          (10000; `make soak-changes`)

Each change writes a number that grows, and is tried again with the next one until it is taken. Whoever reads after a
change was answered `X-Purge: done` must be shown that number or a higher one, in every tier, whatever has been killed
since. In the end everything must be as the last change has left it, and nothing may have grown.
"""

import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis

from services.core.state import keys
from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

ASSETS = 4
READERS = 3
PARTS = ("nginx-edge", "nginx-cache", "jobs", "catalog", "transform", "redis")
DOWN_SECONDS = (0.0, 1.0)
BETWEEN_SECONDS = (0.3, 1.5)
MENDED_WITHIN = 60


@dataclass(slots=True)
class Asset:
    """One asset that changes. `acknowledged` is the highest number of which somebody was told that all can see it."""

    name: str
    uuid: str
    written: int = 0
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Seen:
    """What the storm has counted."""

    changes: int = 0
    done: int = 0
    queued: int = 0
    failed: int = 0
    reads: int = 0
    kills: int = 0
    stale: list[str] = field(default_factory=list)


def content(number: int) -> bytes:
    return pdf(str(number))


def number_in(body: bytes) -> int:
    return int(body.split()[2])


class Storm:
    """`changes` have to be taken while parts are killed at least `kills` times."""

    def __init__(self, system: System, changes: int, kills: int = 0, seed: int = 1) -> None:
        self._system, self._changes, self._kills, self._random = system, changes, kills, random.Random(seed)
        self._over = threading.Event()
        self.seen = Seen()
        self.assets = [self._upload(number) for number in range(ASSETS)]

    def _upload(self, number: int) -> Asset:
        entry = self._system.upload(f"storm{number}.pdf", content(0))
        return Asset(f"/DEV/storm{number}.pdf", entry["uuid"])

    def run(self, *, kill: bool = True) -> None:
        """Change, read and kill until all changes are made; then look at what is left."""
        with ThreadPoolExecutor(ASSETS + READERS + 1) as pool:
            writers = [pool.submit(self._write, asset) for asset in self.assets]
            others = [pool.submit(self._read, number) for number in range(READERS)]
            if kill:
                others.append(pool.submit(self._kill))
            try:
                for writer in writers:
                    writer.result()
            finally:
                self._over.set()
            for other in others:
                other.result()
        self._look_at_the_end()

    def _write(self, asset: Asset) -> None:
        with httpx.Client(base_url=str(self._system.api.base_url), timeout=30) as client:
            taken, last = 0, time.monotonic()
            while taken < self._changes // ASSETS or self.seen.kills < self._kills:
                if time.monotonic() - last > MENDED_WITHIN:
                    raise TimeoutError(f"no change of {asset.name} was taken for {MENDED_WITHIN} s")
                asset.written += 1
                self.seen.changes += 1
                file = {"file": ("x.pdf", content(asset.written))}
                try:
                    answer = client.patch(f"/file/{asset.uuid}", files=file)
                except httpx.HTTPError:
                    self.seen.failed += 1
                    time.sleep(0.05)
                    continue
                if answer.status_code != 200:
                    self.seen.failed += 1
                    time.sleep(0.05)
                    continue
                taken, last = taken + 1, time.monotonic()
                if answer.headers["x-purge"] == "done":
                    self.seen.done += 1
                    with asset.lock:
                        asset.acknowledged = asset.written
                else:
                    self.seen.queued += 1

    def _read(self, number: int) -> None:
        random_ = random.Random(number)
        ports = {"edge": self._system.ports.edge, "cache": self._system.ports.cache, "entry": self._system.ports.api}
        with httpx.Client(timeout=30) as client:
            while not self._over.is_set():
                asset, tier = random_.choice(self.assets), random_.choice(list(ports))
                with asset.lock:
                    floor = asset.acknowledged
                form = random_.choice(("original", "full"))
                with suppress(httpx.HTTPError):
                    answer = client.get(f"http://127.0.0.1:{ports[tier]}/assets/media/{form}{asset.name}")
                    self.seen.reads += 1
                    if answer.status_code == 200 and number_in(answer.content) < floor:
                        cache = answer.headers.get("x-cache-status")
                        self.seen.stale.append(f"{tier} {form} {cache}: {number_in(answer.content)}, not {floor}")

    def _kill(self) -> None:
        while not self._over.wait(self._random.uniform(*BETWEEN_SECONDS)):
            part = self._random.choice(PARTS)
            self._system.kill(part)
            self.seen.kills += 1
            time.sleep(self._random.uniform(*DOWN_SECONDS))
            self._system.start(part, wait_for_nodes=False)

    def _look_at_the_end(self) -> None:
        """See that every tier shows what the catalog says, once nothing is killed any more."""
        for asset in self.assets:
            wait_until(lambda asset=asset: self._is_fresh(asset), MENDED_WITHIN)  # type: ignore[misc]

    def _is_fresh(self, asset: Asset) -> bool:
        entry = self._system.api.get(f"/catalog/{asset.uuid}").json()["data"][0]
        for client in (self._system.edge, self._system.cache, self._system.api):
            answer = client.get(f"/assets/media/original{asset.name}")
            page = client.get(f"/catalog/{asset.uuid}")
            if answer.status_code != 200 or page.json()["data"][0]["signature"] != entry["signature"]:
                return False
            if entry["signature"][:32] not in answer.headers["etag"] or number_in(answer.content) < asset.acknowledged:
                return False
        return True


def memory(system: System) -> dict[str, float]:
    """Return what could grow: the keys of Redis, and its memory without the log of changes, in MB."""
    with redis.Redis(port=system.ports.redis) as client:
        log = client.memory_usage(keys.CHANGES) or 0
        return {"keys": client.dbsize(), "redis_mb": (client.info("memory")["used_memory_dataset"] - log) / 1e6}


def main(changes: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), {"PURGE_WAIT_SECONDS": "2"}, replicas=2)
        try:
            system.start()
            storm = Storm(system, changes)
            before, begun = memory(system), time.monotonic()
            storm.run()
            print(f"{storm.seen.changes} changes in {time.monotonic() - begun:.0f} s, {storm.seen}")
            print(f"before {before}, after {memory(system)}")
            print("\n".join(storm.seen.stale[:20]))
            return 1 if storm.seen.stale else 0
        finally:
            with suppress(AssertionError):
                system.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
