"""Measures every row of docs/performance.md: python -m tools.bench (QUICK=1, PEERS=1, ONLY=upload,cached)."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.bench import peers, photos, report, rows, starting
from tools.bench.load import Client, need_wrk
from tools.bench.measuring import Comparison, percentile
from tools.bench.report import Results
from tools.bench.rows import Pace
from tools.bench.system import Bench
from tools.stack.plan import PlanError

_QUICK = Pace("quick run", rounds=3, seconds=1.0, uploads=48, purges=20)
_WHOLE = Pace("whole run", rounds=9, seconds=3.0, uploads=160, purges=100)


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
    report.write(results, document=not only)
    return 0


def _measure(bench: Bench, client: Client, pace: Pace, only: set[str]) -> Results:
    bench.start()
    results = Results(bench.memory(), pace.name, os.cpu_count() or 1)
    folder = bench.folder / "photos"
    folder.mkdir()
    large, small = photos.camera_sized(folder), photos.as_they_are(folder)
    china = next(path for path in large if path.stem == "china")
    rows.upload_all(bench, large)

    def purged() -> Iterable[Comparison]:
        found = rows.purging(bench, client, pace, small[1:3])
        results.purge_p50 = percentile(found.milliseconds, 0.5) - found.render
        results.purge_p99 = percentile(found.milliseconds, 0.99) - found.render
        print(f"purge: p50 {results.purge_p50:.1f} ms, p99 {results.purge_p99:.1f} ms above the render", flush=True)
        return ()

    def started() -> Iterable[Comparison]:
        results.seconds_to_transform = starting.transform_worker(bench)
        results.seconds_to_run = starting.make_run()
        print(f"make run {results.seconds_to_run:.2f} s, transform {results.seconds_to_transform:.2f} s", flush=True)
        return ()

    def compared() -> Iterable[Comparison]:
        if os.environ.get("PEERS"):
            results.peers = peers.measure(bench, client, pace.rounds, large)
            print(*results.peers, sep="\n", flush=True)
        return ()

    steps: dict[str, Callable[[], Iterable[Comparison]]] = {
        "uncached": lambda: rows.uncached(bench, client, pace, large),
        "small": lambda: rows.uncached_small(bench, client, pace, small),
        "one_url": lambda: [rows.one_url(bench, client, pace, large)],
        "peers": compared,
        "cached": lambda: rows.cached(bench, pace),
        "upload": lambda: [rows.upload(bench, client, pace, china)],
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


if __name__ == "__main__":
    # Stopped from outside, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    status = main()
    print(f"bench: {time.monotonic() - begun:.0f} s")
    sys.exit(status)
