"""Scrolling in a library of 100 000 files: how soon pictures are seen, frames, and what stays in memory.

    python -m tests.programs.library_scroll [MINUTES]          (10; `make soak-library`)

Chromium draws with the processor here, beside the services. So frames are measured twice, from its own trace: how many
were presented of those that were due, and how much processor time the thread of the page took for each, which what else
the machine does does not change. The second must be below 16.7 ms, or no machine shows 60 frames a second.
"""

import io
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import redis
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from services.core.spool import SEARCH
from services.core.state import keys
from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.catalogs import multiply
from tests.support.photographs import PHOTOGRAPHS
from tests.support.waits import wait_until

ENTRIES, PICTURES = 100_000, 24
FRAME_MS = 1000 / 60
SPEED, DISTANCE = 2000, 6000
"""CSS pixels a second, and of one gesture: eight rows a second are as many as one can still look at."""
WIDTH, HEIGHT = 1280, 800
SEEN = 12
"""Thumbnails, without the last row."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
)
TRACED = ["cc", "benchmark", "toplevel", "devtools.timeline"]


@dataclass(frozen=True, slots=True)
class Frames:
    """What happened to the frames of a time, and the processor time (ms) of the page's thread for each that it made."""

    outcomes: Counter[str]
    costs: list[float]

    @property
    def presented(self) -> float:
        """The share of the frames that were due."""
        due = self.outcomes["presented"] + self.outcomes["dropped"]
        return self.outcomes["presented"] / max(1, due)

    def cost(self, share: float) -> float:
        """Return what so large a share of the frames cost at most."""
        return self.costs[min(len(self.costs) - 1, int(share * len(self.costs)))]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a page holds after everything that can be given back was."""

    heap_mb: float
    nodes: int
    listeners: int
    tiles: int

    def is_like(self, before: "Memory") -> bool:
        """Whether no more is held than before, give or take one set of tiles and the files that are kept at hand."""
        return (
            self.tiles == before.tiles
            and self.nodes < before.nodes * 1.5
            and self.listeners < before.listeners * 1.5
            and self.heap_mb < before.heap_mb + 3
        )


def photograph(number: int) -> bytes:
    photo = Image.open(PHOTOGRAPHS[number % len(PHOTOGRAPHS)]).convert("RGB")
    cut = ImageOps.fit(photo, (480, int(480 * (0.6 + number % 5 * 0.2))), centering=(number % 7 / 7, 0.5))
    out = io.BytesIO()
    cut.save(out, "JPEG", quality=70 + number % 20)
    return out.getvalue()


def fill(system: System, count: int = ENTRIES) -> None:
    """Upload some pictures, and have very many entries of them, as if each had been uploaded."""
    files = [("files", (f"photo-{number}.jpg", photograph(number))) for number in range(PICTURES)]
    answer = system.api.post("/files", files=files, data={"namespace": "DEV"})
    assert answer.status_code == 200, answer.text
    system.wait_until_described()
    system.end("catalog")
    with redis.Redis(port=system.ports.redis) as client:
        multiply(client, client.hvals(keys.ENTRIES), range(PICTURES + 1, count + 1))
    # The index is made anew, of what is there now.
    shutil.rmtree(system.stack.data / "storage" / SEARCH)
    system.start("catalog")

    def is_indexed() -> bool:
        answer = system.api.get("/catalog/search?limit=1")
        return answer.status_code == 200 and answer.json()["total"] == count and answer.json()["current"]

    wait_until(is_indexed, 60)


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def first_sight(browser: Browser, address: str) -> tuple[Page, float]:
    """Open the library in a browser that has nothing of it; return the seconds until its first pictures are there."""
    page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
    started = time.monotonic()
    page.goto(address, wait_until="commit")
    page.locator("img.there").nth(SEEN - 1).wait_for()
    return page, time.monotonic() - started


def scroll(page: Page, distance: int, speed: int = SPEED) -> None:
    """Turn the wheel, down if the distance is positive."""
    session = page.context.new_cdp_session(page)
    gesture = {"x": 700, "y": 500, "yDistance": -distance, "speed": speed, "gestureSourceType": "mouse"}
    session.send("Input.synthesizeScrollGesture", gesture)
    session.detach()


def traced(browser: Browser, page: Page, distance: int = DISTANCE) -> Frames:
    """Scroll, and return what the browser says of it."""
    browser.start_tracing(page=page, categories=TRACED)
    scroll(page, distance)
    return frames_of(orjson.loads(browser.stop_tracing())["traceEvents"])


def frames_of(events: list[dict[str, Any]]) -> Frames:
    outcomes: Counter[str] = Counter()
    costs = Counter[tuple[int, int]]()
    made: dict[tuple[int, int], list[float]] = {}
    for event in events:
        report = event.get("args", {}).get("frame_reporter")
        thread = event["pid"], event["tid"]
        if event["name"] == "PipelineReporter" and report:
            # A frame in two reports is one whose second part, from the page, came later than the scrolling itself.
            if report["state"] in ("STATE_PRESENTED_ALL", "STATE_PRESENTED_PARTIAL"):
                outcomes["presented"] += report.get("frame_type") != "FORKED"
            elif report["state"] == "STATE_DROPPED":
                outcomes["dropped"] += report["affects_smoothness"]
        elif event["name"] == "ProxyMain::BeginMainFrame" and "tdur" in event:
            costs[thread] += event["tdur"]
            made.setdefault(thread, []).append(event["tdur"] / 1000)
    [(busiest, _)] = costs.most_common(1)
    return Frames(outcomes, sorted(made[busiest]))


def memory(page: Page) -> Memory:
    session = page.context.new_cdp_session(page)
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    counted = session.send("Memory.getDOMCounters")
    session.detach()
    tiles = page.locator(".tile").count()
    return Memory(heap, counted["nodes"], counted["jsEventListeners"], tiles)


def wander(page: Page, seconds: float, chance: random.Random) -> None:
    """Scroll down and up, fast and slowly, and jump as with the bar beside the files."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if chance.random() < 0.2:
            jump = "(one, share) => { one.scrollTop = one.scrollHeight * share; }"
            page.locator(".files").evaluate(jump, chance.random())
            page.wait_for_timeout(500)
        speed = chance.choice((1000, SPEED, 6000))
        scroll(page, speed * chance.choice((1, 2, 2, -1)), speed)
    page.evaluate("document.querySelector('.files').scrollTop = 0")
    page.locator("img.there").nth(SEEN - 1).wait_for()


def main() -> int:
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    system = System(Path(tempfile.mkdtemp(prefix="tada-library-")), {})
    system.folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    try:
        system.start()
        fill(system)
        address = f"http://localhost:{system.ports.api}/library"
        with browsing() as browser:
            for what in ("that nobody has seen before", "again, in another browser"):
                page, seconds = first_sight(browser, address)
                print(f"first {SEEN} thumbnails, {what}: {seconds:.2f} s", flush=True)
            for what in ("new pictures", "the same again"):
                frames = traced(browser, page)
                print(
                    f"{what}: {frames.presented:.1%} of the frames presented; the page takes"
                    f" {frames.cost(0.5):.1f} ms for a frame, 95% below {frames.cost(0.95):.1f} ms,"
                    f" at most {frames.costs[-1]:.1f} ms",
                    flush=True,
                )
                scroll(page, -DISTANCE)
            wander(page, 10, chance)
            first = memory(page)
            print(f"{first}", flush=True)
            for minute in range(1, minutes + 1):
                wander(page, 60, chance)
                print(f"minute {minute}: {memory(page)}", flush=True)
            last = memory(page)
    finally:
        system.stop()
    print("memory is flat" if last.is_like(first) else "MEMORY HAS GROWN")
    return 0 if last.is_like(first) else 1


if __name__ == "__main__":
    sys.exit(main())
