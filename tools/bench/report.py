"""Writes what was measured: bench-results/latest.json, the tables of docs/performance.md and its plots."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pyvips

from tools.bench.load import need_wrk
from tools.bench.measuring import Comparison
from tools.bench.plots import bars, rate_by_score
from tools.bench.renditions import Cell, Measured
from tools.bench.sides import PYVIPS, TADA, TADA_BARE
from tools.stack.plan import ROOT

JSON = ROOT / "bench-results/latest.json"
PAGE = ROOT / "docs/performance.md"
BARS = ROOT / "docs/img/performance.svg"
RATE_BY_SCORE = ROOT / "docs/img/rate-score.svg"
_MUST = {
    "phone_200": 2.5,
    "phone_400": 2.0,
    "phone_800": 1.15,
    "phone_1600": 1.0,
    "phone_full": 1.0,
    "camera_200": 1.15,
    "camera_400": 1.05,
    "camera_1600": 1.0,
    "camera_full": 1.0,
}
"""How many times as fast as the fastest other service TADA has to be."""
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
    cells: list[Cell] = field(default_factory=list)


def line(found: Comparison) -> str:
    """Return one comparison as a line for people."""
    must = f" (must {found.must})" if found.must else ""
    return (
        f"{found.key}: {found.ratio:.2f}{must}  [{found.ratios[0]:.2f}-{found.ratios[-1]:.2f}]"
        f"  by CPU {found.cpu_ratio:.2f}"
        f"  {found.median(1, lambda s: s.rate):.0f}/s of {found.median(0, lambda s: s.rate):.0f}/s"
        f"  {found.median(1, lambda s: s.cpu_ms):.3f} of {found.median(0, lambda s: s.cpu_ms):.3f} ms CPU"
    )


def write(results: Results, *, whole: bool) -> None:
    """Write the JSON, and those parts of the page of which everything was measured: all of it if `whole`."""
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(summary(results), indent=2) + "\n")
    sections: dict[str, str] = {}
    if whole:
        sections |= {"measured": _measured(results), "memory": _memory(results)}
        BARS.write_text(bars(results.comparisons))
    if results.cells:
        sections["renditions"] = f"{_when(results)}\n\n{tada_table(results.cells)}"
    if peers_of(results.cells):
        sections["peers"] = f"{_when(results)}\n\n{peers_table(results.cells)}"
        RATE_BY_SCORE.write_text(rate_by_score(results.cells))
    page = PAGE.read_text()
    for name, text in sections.items():
        page = with_section(page, name, text)
    PAGE.write_text(page)


def with_section(page: str, name: str, text: str) -> str:
    """Return a page with another text between the two marks of a section; raises ValueError if they are not there."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    start = page.index(begin) + len(begin)
    return f"{page[:start]}{text}\n{page[page.index(end, start) :]}"


def summary(results: Results) -> dict[str, Any]:
    """Return the main figures; `renditions` are by set and size, then by side."""
    return {
        "ratios": {found.key: round(found.ratio, 3) for found in results.comparisons},
        "renditions": {
            cell.key: {
                name: {
                    "rate": round(side.rate, 2),
                    "cpu_ms": round(side.cpu_ms, 2),
                    "ratio": round(cell.ratio(name, TADA), 3),
                    "cpu_ratio": round(cell.cpu_ratio(name, TADA), 3),
                    **({"bytes": round(side.size_bytes), "score": round(side.score, 2)} if side.scores else {}),
                }
                for name, side in cell.sides.items()
            }
            for cell in results.cells
        },
        "purge_p99_ms_over_render": round(results.purge_p99, 1),
        "rss_mb": {
            "transform_worker": round(max(mb for name, mb in results.after.items() if name.startswith("transform"))),
            "catalog": round(results.after["catalog"]),
        },
    }


def peers_of(cells: Sequence[Cell]) -> list[str]:
    """Return the names of the other services that were measured."""
    return [name for name in cells[0].sides if name not in (TADA, TADA_BARE, PYVIPS)] if cells else []


def tada_table(cells: Sequence[Cell]) -> str:
    """Return the table of TADA, with and without reductions where there may be any."""
    rows = [
        "| photographs | size | per second, with reductions and without | ratio | processor ms | bytes | score |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        sides = [cell.sides[name] for name in (TADA, TADA_BARE) if name in cell.sides]
        ratio = f"**{cell.ratio(TADA, TADA_BARE):.2f}**" if TADA_BARE in cell.sides else ""
        rows.append(
            f"| {cell.photos.title} | {cell.width or 'full'} "
            f"| {', '.join(_short(side.rate) for side in sides)} | {ratio} "
            f"| {', '.join(_short(side.cpu_ms) for side in sides)} "
            f"| {', '.join(f'{side.size_bytes:.0f}' for side in sides)} "
            f"| {', '.join(f'{side.score:.1f}' for side in sides)} |"
        )
    return "\n".join(rows)


def peers_table(cells: Sequence[Cell]) -> str:
    """Return the table of TADA beside the other services; the ratios are to the fastest of them in each row."""
    peers = peers_of(cells)
    names = [TADA, *peers]
    rows = [
        f"| photographs | size | {' | '.join(names)} | ratio | must | by processor time |",
        "|---|---|" + "---|" * len(names) + "---|---|---|",
    ]
    for cell in cells:
        fastest = cell.fastest(peers)
        must = _MUST.get(cell.key)
        rows.append(
            f"| {cell.photos.title} | {cell.width or 'full'} "
            f"| {' | '.join(_side(cell.sides[name]) for name in names)} "
            f"| **{cell.ratio(TADA, fastest):.2f}** | {f'{must:.2f}' if must else ''} "
            f"| {cell.cpu_ratio(TADA, fastest):.2f} |"
        )
    return "\n".join(rows)


def _side(side: Measured) -> str:
    return f"{_short(side.rate)} · {_short(side.cpu_ms)} · {side.size_bytes:.0f} · {side.score:.1f}"


def _when(results: Results) -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}, {results.pace}, {results.cores} cores."


def _measured(results: Results) -> str:
    rows = [
        f"{_when(results)} {_versions()}",
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
