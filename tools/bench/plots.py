"""The plots of docs/performance.md, as SVG."""

import math
from collections.abc import Sequence
from itertools import groupby

from tools.bench.measuring import Comparison
from tools.bench.renditions import Cell
from tools.bench.sides import PYVIPS

_COLOURS = ("#2563a8", "#7da7d9", "#b5542c", "#1c8a4d", "#8a3ca0")


def bars(comparisons: Sequence[Comparison]) -> str:
    """Return bars of the ratios that must reach something, with that mark and the spread of their rounds."""
    shown = [found for found in comparisons if found.must is not None]
    row, left, width = 30, 270, 330
    height = row * len(shown) + 60
    most = max(1.2, *(found.ratios[-1] for found in shown))

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
    for number, found in enumerate(shown):
        y = 28 + row * number
        assert found.must is not None
        good = found.ratio >= found.must
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{found.path.replace("`", "")}</text>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{x(found.ratio) - left:.1f}" height="16" '
            f'fill="{"#2563a8" if good else "#b5542c"}"/>'
        )
        parts.append(f'<path d="M{x(found.ratios[0]):.1f} {y + 8}H{x(found.ratios[-1]):.1f}" stroke="#333"/>')
        parts.append(f'<path d="M{x(found.must):.1f} {y - 3}v22" stroke="#111" stroke-width="2.5"/>')
        parts.append(f'<text x="{left + width + 8}" y="{y + 12}">{found.ratio:.2f}</text>')
    said = "share of the limit in the same run; stroke: what it must reach"
    parts.append(f'<text x="{left + width / 2:.0f}" y="{height - 6}" text-anchor="middle">{said}</text>')
    return "\n".join([*parts, "</svg>", ""])


def rate_by_score(cells: Sequence[Cell]) -> str:
    """Return a panel for each set: SSIMULACRA2 to the right, renditions per second upwards, a line for each side."""
    panels = [list(some) for _, some in groupby(cells, key=lambda cell: cell.photos.key)]
    names = list(dict.fromkeys(name for cell in cells for name in cell.sides if name != PYVIPS))
    height = 300 * len(panels) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {height}" font-family="sans-serif" font-size="13"'
        ' fill="#333">',
        f'<rect width="660" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, names, 300 * number)
    x = 60
    for number, name in enumerate(names):
        parts.append(f'<text x="{x}" y="{height - 20}" fill="{_COLOURS[number]}">{name}</text>')
        x += 30 + 7 * len(name)
    return "\n".join([*parts, "</svg>", ""])


def _panel(cells: Sequence[Cell], names: Sequence[str], top: int) -> list[str]:
    left, width, above, below = 60, 560, top + 34, top + 262
    sides = [cell.sides[name] for cell in cells for name in names if name in cell.sides]
    low = math.floor(min(side.score for side in sides) / 5) * 5
    high = math.ceil(max(side.score for side in sides) / 5) * 5
    slow = math.log2(min(side.rate for side in sides)) - 0.3
    fast = math.log2(max(side.rate for side in sides)) + 0.3

    def x(score: float) -> float:
        return left + (score - low) / (high - low) * width

    def y(rate: float) -> float:
        return below - (math.log2(rate) - slow) / (fast - slow) * (below - above)

    parts = [f'<text x="{left}" y="{top + 22}">{cells[0].photos.title}: per second, by SSIMULACRA2</text>']
    for score in range(low, high + 1, 5):
        parts.append(f'<path d="M{x(score):.1f} {above}V{below}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(score):.1f}" y="{below + 18}" text-anchor="middle">{score}</text>')
    for rate in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if slow <= math.log2(rate) <= fast:
            parts.append(f'<path d="M{left} {y(rate):.1f}H{left + width}" stroke="#ddd"/>')
            parts.append(f'<text x="{left - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate}</text>')
    # The first one is drawn last, on top of the others.
    for number, name in reversed(list(enumerate(names))):
        shown = [cell for cell in cells if name in cell.sides]
        points = [(x(cell.sides[name].score), y(cell.sides[name].rate)) for cell in shown]
        line = " ".join(f"{right:.1f},{down:.1f}" for right, down in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_COLOURS[number]}" stroke-opacity="0.4"/>')
        for cell, (right, down) in zip(shown, points, strict=True):
            title = f"<title>{name}, {cell.width or 'full'}</title>"
            spot = f'cx="{right:.1f}" cy="{down:.1f}" r="4" fill="{_COLOURS[number]}"'
            parts.append(f"<circle {spot}>{title}</circle>")
    for cell in cells:
        fastest = cell.sides[cell.fastest([name for name in names if name in cell.sides])]
        at = f'x="{x(fastest.score):.1f}" y="{y(fastest.rate) - 8:.1f}"'
        parts.append(f'<text {at} text-anchor="middle">{cell.width or "full"}</text>')
    return parts
