"""Writes what was measured: bench-results/latest.json, the table of docs/performance.md and its plot."""

import json
from dataclasses import dataclass, field
from typing import Any

from tools.bench.measuring import Comparison
from tools.stack.plan import ROOT

JSON = ROOT / "bench-results/latest.json"


@dataclass(slots=True)
class Results:
    seconds_to_start: float
    at_rest: dict[str, float]
    after: dict[str, float] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    purge_p50: float = 0.0
    purge_p99: float = 0.0
    peers: list[Any] = field(default_factory=list)


def line(found: Comparison) -> str:
    """Return one comparison as a line for people."""
    must = f" (must {found.must})" if found.must else ""
    return (
        f"{found.key}: {found.ratio:.2f}{must}  [{found.ratios[0]:.2f}-{found.ratios[-1]:.2f}]"
        f"  by CPU {found.cpu_ratio:.2f}"
        f"  {found.median(1, lambda s: s.rate):.0f}/s of {found.median(0, lambda s: s.rate):.0f}/s"
        f"  {found.median(1, lambda s: s.cpu_ms):.3f} of {found.median(0, lambda s: s.cpu_ms):.3f} ms CPU"
    )


def write(results: Results) -> None:
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(summary(results), indent=2) + "\n")


def summary(results: Results) -> dict[str, Any]:
    return {
        "ratios": {found.key: round(found.ratio, 3) for found in results.comparisons},
        "purge_p99_ms_over_render": round(results.purge_p99, 1),
        "rss_mb": {
            "transform_worker": round(max(mb for name, mb in results.after.items() if name.startswith("transform"))),
            "catalog": round(results.after["catalog"]),
        },
    }
