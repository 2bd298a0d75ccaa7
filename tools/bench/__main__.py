"""Measures everything of docs/performance.md: python -m tools.bench (QUICK=1, PEERS=1, ONLY=renditions,upload)."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from tools.bench import peers, photos, renditions, report, rows, starting
from tools.bench.load import Client, need_wrk
from tools.bench.measuring import Comparison, percentile
from tools.bench.photos import PhotoSet
from tools.bench.renditions import Cell, Grid
from tools.bench.report import Results
from tools.bench.rows import Pace
from tools.bench.sides import pyvips_alone, tada, tada_without_reductions
from tools.bench.system import Bench, Crew
from tools.stack.plan import PlanError

_QUICK = Pace("quick run", Grid(rounds=2, part=0.5, scored=4), rounds=3, seconds=1.0, uploads=48, purges=20)
_WHOLE = Pace("whole run", Grid(rounds=4, part=1.0, scored=8), rounds=5, seconds=2.0, uploads=160, purges=50)


def main() -> int:
    pace = _QUICK if os.environ.get("QUICK") else _WHOLE
    only = set(filter(None, os.environ.get("ONLY", "").split(",")))
    try:
        need_wrk()
    except PlanError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if os.environ.get("PEERS"):
        peers.install()
    folder = Path(tempfile.mkdtemp(prefix="tada-bench-"))
    bench, client = Bench(folder, os.cpu_count() or 1), Client()
    try:
        results = _measure(bench, client, pace, only)
    finally:
        client.close()
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report.write(results, whole=not only)
    return 0


def _measure(bench: Bench, client: Client, pace: Pace, only: set[str]) -> Results:
    bench.start()
    results = Results(bench.memory(), pace.name, os.cpu_count() or 1)
    folder = bench.folder / "photos"
    folder.mkdir()
    camera, small = photos.camera(folder), photos.small(folder)

    def rendered() -> Iterable[Comparison]:
        results.cells = _renditions(bench, client, pace.grid, [photos.phone(folder), camera, small])
        return renditions.beside_pyvips(results.cells)

    def purged() -> Iterable[Comparison]:
        found = rows.purging(bench, client, pace, small.photos[1:3])
        results.purge_p50 = percentile(found.milliseconds, 0.5) - found.render
        results.purge_p99 = percentile(found.milliseconds, 0.99) - found.render
        print(f"purge: p50 {results.purge_p50:.1f} ms, p99 {results.purge_p99:.1f} ms above the render", flush=True)
        return ()

    def started() -> Iterable[Comparison]:
        results.seconds_to_transform = starting.transform_worker(bench)
        results.seconds_to_run = starting.make_run()
        print(f"make run {results.seconds_to_run:.2f} s, transform {results.seconds_to_transform:.2f} s", flush=True)
        return ()

    steps: dict[str, Callable[[], Iterable[Comparison]]] = {
        "renditions": rendered,
        "one_url": lambda: [rows.one_url(bench, client, pace, camera.photos)],
        "cached": lambda: rows.cached(bench, pace, camera.photos[8]),
        "upload": lambda: [rows.upload(bench, client, pace, camera.photos[8])],
        "purge": purged,
        "catalog": lambda: rows.catalog(bench, pace),
        "start": started,
    }
    for name, step in steps.items():
        if not only or name in only:
            for comparison in step():
                results.comparisons.append(comparison)
                print(report.line(comparison), flush=True)
    results.after = bench.memory()
    return results


def _renditions(bench: Bench, client: Client, grid: Grid, sets: list[PhotoSet]) -> list[Cell]:
    with ExitStack() as stack:
        ours = tada(bench, client)
        vips = stack.enter_context(Crew("bare_vips", bench.stack.transform_workers))
        sides = [ours, tada_without_reductions(bench, ours), pyvips_alone(vips)]
        if os.environ.get("PEERS"):
            folder = sets[0].photos[0].path.parent
            sides += stack.enter_context(peers.running(folder, client, bench.stack.transform_workers))
        return renditions.measure(bench, grid, sets, sides)


if __name__ == "__main__":
    # Stopped from outside, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    status = main()
    print(f"bench: {time.monotonic() - begun:.0f} s")
    sys.exit(status)
