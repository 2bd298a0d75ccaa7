"""Lines over time as SVG."""

import math
from dataclasses import dataclass

_COLOURS = ("#2563a8", "#1c8a4d", "#b5542c", "#7a3fa0", "#c2410c", "#0e7490", "#6b7280", "#be185d")
_LEFT, _WIDTH, _HEIGHT, _GAP = 62, 560, 170, 34
_STEPS = 4


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines that share an axis, which ends at `top` or at what is largest."""

    title: str
    lines: dict[str, list[float]]
    top: float | None = None
    logarithmic: bool = False


def draw(times: list[float], unit: str, panels: list[Panel]) -> str:
    """Return the panels, one below the other."""
    height = len(panels) * (_HEIGHT + _GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}"',
        ' font-family="sans-serif" font-size="12" fill="#333">',
        f'<rect width="800" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, times, 18 + number * (_HEIGHT + _GAP))
    bottom = 18 + len(panels) * (_HEIGHT + _GAP) - _GAP
    for step in range(_STEPS + 1):
        at = _LEFT + step / _STEPS * _WIDTH
        label = f"{times[-1] * step / _STEPS:.3g}"
        parts.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<text x="{_LEFT + _WIDTH / 2}" y="{bottom + 38}" text-anchor="middle">{unit}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, times: list[float], top: float) -> list[str]:
    most = panel.top or max(max(values) for values in panel.lines.values()) * 1.05
    # A logarithmic axis begins at 1.
    decades = max(1, math.ceil(math.log10(most)))

    def y(value: float) -> float:
        share = math.log10(max(value, 1)) / decades if panel.logarithmic else value / most
        return top + (1 - share) * _HEIGHT

    marks = (
        [10**step for step in range(decades + 1)]
        if panel.logarithmic
        else [most * n / _STEPS for n in range(_STEPS + 1)]
    )
    parts = []
    for mark in marks:
        parts.append(f'<path d="M{_LEFT} {y(mark):.1f}H{_LEFT + _WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:.0f}</text>')
    middle = top + _HEIGHT / 2
    parts.append(
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">{panel.title}</text>'
    )
    for number, (name, values) in enumerate(panel.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(
            f"{_LEFT + at / times[-1] * _WIDTH:.1f},{y(value):.1f}" for at, value in zip(times, values, strict=True)
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{_LEFT + _WIDTH + 12}" y="{top + 14 + 16 * number}" fill="{colour}">{name}</text>')
    return parts
