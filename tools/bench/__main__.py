"""Measures every row of docs/performance.md: python -m tools.bench (QUICK=1, PEERS=1, ONLY=upload,cached)."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.bench import photos, report, rows
from tools.bench.load import Client, need_wrk
from tools.bench.measuring import Comparison, percentile
from tools.bench.report import Results
from tools.bench.rows import Pace
from tools.bench.system import Bench
from tools.stack.plan import PlanError

_QUICK = Pace(rounds=3, seconds=1.0, uploads=48, purges=20)
_WHOLE = Pace(rounds=9, seconds=3.0, uploads=160, purges=100)


def main() -> int:
    pace = _QUICK if os.environ.get("QUICK") else _WHOLE
    try:
        need_wrk()
    except PlanError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="tada-bench-"))
    bench, client = Bench(folder, os.cpu_count() or 1), Client()
    try:
        results = _measure(bench, client, pace, os.environ.get("ONLY", ""))
        if os.environ.get("PEERS"):
            results.peers = []
    finally:
        client.close()
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report.write(results)
    return 0


def _measure(bench: Bench, client: Client, pace: Pace, only: str) -> Results:
    results = Results(seconds_to_start=bench.start(), at_rest=bench.memory())
    camera = bench.folder / "photos"
    camera.mkdir()
    large, small = photos.camera_sized(camera), photos.as_they_are(camera)
    china = next(path for path in large if path.stem == "china")

    rows.upload_all(bench, large)

    def measured(found: Iterable[Comparison]) -> None:
        for comparison in found:
            results.comparisons.append(comparison)
            print(report.line(comparison), flush=True)

    def purged() -> Iterable[Comparison]:
        found = rows.purging(bench, client, pace, small[1:3])
        results.purge_p50 = percentile(found.milliseconds, 0.5) - found.render
        results.purge_p99 = percentile(found.milliseconds, 0.99) - found.render
        print(f"purge: p50 {results.purge_p50:.1f} ms, p99 {results.purge_p99:.1f} ms above the render", flush=True)
        return ()

    steps: dict[str, Callable[[], Iterable[Comparison]]] = {
        "uncached": lambda: rows.uncached(bench, client, pace, large),
        "one_url": lambda: [rows.one_url(bench, client, pace, large)],
        "small": lambda: rows.uncached(bench, client, pace, small, "_small"),
        "cached": lambda: rows.cached(bench, pace),
        "original": lambda: [rows.original(bench, pace, china)],
        "upload": lambda: [rows.upload(bench, client, pace, china)],
        "purge": purged,
        "catalog": lambda: rows.catalog(bench, pace),
    }
    for name, step in steps.items():
        if not only or name in only.split(","):
            measured(step())
    results.after = bench.memory()
    return results


if __name__ == "__main__":
    started = time.monotonic()
    status = main()
    print(f"bench: {time.monotonic() - started:.0f} s")
    sys.exit(status)
