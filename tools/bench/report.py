"""Writes what was measured: bench-results/latest.json, the tables of docs/performance.md and its plot."""

import json
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pyvips

from tools.bench.load import need_wrk
from tools.bench.measuring import Comparison
from tools.bench.peers import Peer
from tools.stack.plan import ROOT

JSON = ROOT / "bench-results/latest.json"
PAGE = ROOT / "docs/performance.md"
PLOT = ROOT / "docs/img/performance.svg"
_PACKAGES = ("uvicorn", "uvloop", "httptools", "starlette", "redis", "hiredis", "orjson", "pyvips", "pillow")


@dataclass(slots=True)
class Results:
    at_rest: dict[str, float]
    pace: str
    cores: int
    after: dict[str, float] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    purge_p50: float = 0.0
    purge_p99: float = 0.0
    seconds_to_run: float = 0.0
    seconds_to_transform: float = 0.0
    peers: list[Peer] = field(default_factory=list)


def line(found: Comparison) -> str:
    """Return one comparison as a line for people."""
    must = f" (must {found.must})" if found.must else ""
    return (
        f"{found.key}: {found.ratio:.2f}{must}  [{found.ratios[0]:.2f}-{found.ratios[-1]:.2f}]"
        f"  by CPU {found.cpu_ratio:.2f}"
        f"  {found.median(1, lambda s: s.rate):.0f}/s of {found.median(0, lambda s: s.rate):.0f}/s"
        f"  {found.median(1, lambda s: s.cpu_ms):.3f} of {found.median(0, lambda s: s.cpu_ms):.3f} ms CPU"
    )


def write(results: Results, *, document: bool) -> None:
    """Write the JSON, and with `document` the page and the plot too: all rows have to be there for that."""
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(summary(results), indent=2) + "\n")
    if not document:
        return
    PLOT.write_text(plot(results.comparisons))
    page = PAGE.read_text()
    parts = {"measured": _measured(results), "memory": _memory(results)}
    if results.peers:
        parts["peers"] = _peers(results.peers)
    for name, text in parts.items():
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        page = f"{before}{begin}{text}\n{end}{after}"
    PAGE.write_text(page)


def summary(results: Results) -> dict[str, Any]:
    return {
        "ratios": {found.key: round(found.ratio, 3) for found in results.comparisons if found.must is not None},
        "purge_p99_ms_over_render": round(results.purge_p99, 1),
        "rss_mb": {
            "transform_worker": round(max(mb for name, mb in results.after.items() if name.startswith("transform"))),
            "catalog": round(results.after["catalog"]),
        },
    }


def _measured(results: Results) -> str:
    rows = [
        f"{datetime.now(UTC):%Y-%m-%d}, {results.pace}, {results.cores} cores. {_versions()}",
        "",
        "| path | beside it | must | ratio | spread | by processor time | per second | processor ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [_row(found) for found in results.comparisons]
    rows += [
        "",
        "- PATCH until fresh bytes at the edge, 200 renditions cached, above the render: "
        f"p50 {results.purge_p50:.0f} ms, p99 **{results.purge_p99:.0f} ms** (must 30).",
        f"- `make run` until everything answers: **{results.seconds_to_run:.1f} s** (must 5); "
        f"a transform worker: **{results.seconds_to_transform:.2f} s** (must 1).",
    ]
    return "\n".join(rows)


def _row(found: Comparison) -> str:
    must = "" if found.must is None else f"{found.must:.2f}"
    rates = f"{_short(found.median(1, lambda s: s.rate))} of {_short(found.median(0, lambda s: s.rate))}"
    costs = f"{_short(found.median(1, lambda s: s.cpu_ms))} of {_short(found.median(0, lambda s: s.cpu_ms))}"
    return (
        f"| {found.path} | {found.limit} | {must} | **{found.ratio:.2f}** "
        f"| {found.ratios[0]:.2f} to {found.ratios[-1]:.2f} | {found.cpu_ratio:.2f} | {rates} | {costs} |"
    )


def _memory(results: Results) -> str:
    rows = ["| process | MB at rest | MB after all of this |", "|---|---|---|"]
    rows += [f"| {name} | {mb:.0f} | {results.after[name]:.0f} |" for name, mb in results.at_rest.items()]
    return "\n".join(rows)


def _peers(peers: list[Peer]) -> str:
    rows = ["| who | size | per second | ratio to TADA | bytes | SSIM |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {peer.name} | {peer.size} | {peer.rate:.1f} | {peer.ratio:.2f} | {peer.size_bytes:.0f} | {peer.ssim:.4f} |"
        for peer in peers
    ]
    return "\n".join(rows)


def _versions() -> str:
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr.rpartition("/")[2]
    redis = subprocess.run(["redis-server", "-v"], capture_output=True, text=True, check=False).stdout
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"nginx {nginx.strip()}, Redis {redis.split('v=')[1].split()[0]}, libvips {libvips}, wrk {need_wrk()}, "
        f"Python {platform.python_version()}, {packages}."
    )


def _short(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ") if number >= 100 else f"{number:.3g}"


def plot(comparisons: list[Comparison]) -> str:
    """Return bars of the ratios, each with the spread of its rounds and the mark it must reach."""
    row, left, width = 30, 270, 330
    height = row * len(comparisons) + 60
    most = max(1.2, *(found.ratios[-1] for found in comparisons if found.must is not None))

    def x(ratio: float) -> float:
        return left + min(ratio, most) / most * width

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {height}" font-family="sans-serif" font-size="13"'
        ' fill="#333">',
        f'<rect width="660" height="{height}" fill="#fff"/>',
    ]
    for tick in range(int(most * 5) + 1):
        ratio = tick / 5
        parts.append(f'<path d="M{x(ratio):.1f} 20V{height - 40}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(ratio):.1f}" y="{height - 22}" text-anchor="middle">{ratio:.1f}</text>')
    shown = [found for found in comparisons if found.must is not None]
    for number, found in enumerate(shown):
        y = 28 + row * number
        good = found.must is None or found.ratio >= found.must
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{found.path.replace("`", "")}</text>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{x(found.ratio) - left:.1f}" height="16" '
            f'fill="{"#2563a8" if good else "#b5542c"}"/>'
        )
        parts.append(f'<path d="M{x(found.ratios[0]):.1f} {y + 8}H{x(found.ratios[-1]):.1f}" stroke="#333"/>')
        if found.must is not None:
            parts.append(f'<path d="M{x(found.must):.1f} {y - 3}v22" stroke="#111" stroke-width="2.5"/>')
        parts.append(f'<text x="{left + width + 8}" y="{y + 12}">{found.ratio:.2f}</text>')
    parts.append(
        f'<text x="{left}" y="{height - 6}">share of the limit in the same run; stroke: what it must reach</text>'
    )
    return "\n".join([*parts, "</svg>", ""])
