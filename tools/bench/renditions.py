"""Renditions that nothing has cached: sets of photographs by sizes, and in each cell all sides in turns."""

import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tools.bench import score
from tools.bench.assets import Asset, uploaded
from tools.bench.measuring import Comparison, Sample
from tools.bench.photos import Photo, PhotoSet
from tools.bench.score import Answers
from tools.bench.sides import PYVIPS, TADA, TADA_BARE, Side
from tools.bench.system import Bench

SIZES: dict[str, dict[int, int]] = {
    "phone": {200: 48, 400: 40, 800: 24, 1600: 12, 0: 4},
    "camera": {200: 96, 400: 64, 800: 40, 1600: 16, 0: 8},
    "small": {200: 160, 400: 96, 0: 48},
}
"""For each set the widths (0: full size), and how many assets a round takes; it is some seconds of work at most.
Small photographs are hardly larger than 800 pixels."""
_BESIDE_PYVIPS: dict[str, tuple[str, str, float | None]] = {
    "camera_200": ("uncached_200", "uncached `optimise/200x0`", 0.90),
    "camera_800": ("uncached_800", "uncached `optimise/800x0`", 0.90),
    "camera_full": ("uncached_full", "uncached `full`", 0.90),
    "small_200": ("uncached_200_small", "uncached `optimise/200x0`, 0.1 to 2 Mpx", None),
}
"""Cells that are measured beside pyvips alone: the comparison's key, its path, and the ratio that it must reach."""
REDUCED_MAX = 800
"""The largest width for which reductions may be used."""
_WARM = 4
"""Assets of a round that does not count."""


@dataclass(slots=True)
class Measured:
    """One side in one cell: its rounds, and the bytes and scores of the renditions that were looked at, if any were."""

    samples: list[Sample] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(sample.rate for sample in self.samples)

    @property
    def cpu_ms(self) -> float:
        return statistics.median(sample.cpu_ms for sample in self.samples)

    @property
    def size_bytes(self) -> float:
        return statistics.mean(self.sizes)

    @property
    def score(self) -> float:
        return statistics.mean(self.scores)


@dataclass(slots=True)
class Cell:
    """A set at a width, by the names of its sides."""

    photos: PhotoSet
    width: int
    sides: dict[str, Measured] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.photos.key}_{self.width or 'full'}"

    def ratio(self, name: str, beside: str) -> float:
        """Return the rate of a side as a multiple of that of another: the median of the rounds' ratios."""
        return statistics.median(ours.rate / other.rate for ours, other in self._pairs(name, beside))

    def cpu_ratio(self, name: str, beside: str) -> float:
        """Return by how much less processor time a side takes: the ratio without other load."""
        return statistics.median(other.cpu_ms / ours.cpu_ms for ours, other in self._pairs(name, beside))

    def fastest(self, names: Sequence[str]) -> str:
        return max(names, key=lambda name: self.sides[name].rate)

    def _pairs(self, name: str, beside: str) -> Iterator[tuple[Sample, Sample]]:
        return zip(self.sides[name].samples, self.sides[beside].samples, strict=True)


@dataclass(frozen=True, slots=True)
class Grid:
    """How thoroughly: rounds, the part of SIZES that each takes, and how many photographs of a set are scored."""

    rounds: int
    part: float
    scored: int


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What the sides of a cell answer for one photograph."""

    cell: Cell
    photo: Photo
    contents: dict[str, bytes]


def measure(bench: Bench, grid: Grid, sets: Sequence[PhotoSet], all_sides: Sequence[Side]) -> list[Cell]:
    """Measure every cell, and score what each side answers."""
    cells: list[Cell] = []
    fetched: list[_Fetched] = []
    for photos in sets:
        counts = {width: count_of(count, grid.part) for width, count in SIZES[photos.key].items()}
        assets = uploaded(bench, photos.photos, max(counts.values()))
        for width, count in counts.items():
            cell = Cell(photos, width)
            some = [side for side in all_sides if takes_part(side.name, cell)]
            in_turns(cell, grid.rounds, some, assets[:count])
            fetched += [_fetch(cell, asset, some) for asset in assets[: grid.scored]]
            cells.append(cell)
            print(line(cell), flush=True)
    _judge(fetched)
    return cells


def takes_part(name: str, cell: Cell) -> bool:
    """Say whether a side is measured in a cell: where it has something to show."""
    if name == TADA_BARE:
        return cell.photos.key != "small" and 0 < cell.width <= REDUCED_MAX
    return name != PYVIPS or cell.key in _BESIDE_PYVIPS


def _fetch(cell: Cell, asset: Asset, sides: Sequence[Side]) -> _Fetched:
    contents = {side.name: content for side in sides if (content := side.fetch(asset, cell.width)) is not None}
    for name, content in contents.items():
        cell.sides[name].sizes.append(len(content))
    return _Fetched(cell, asset.photo, contents)


def _judge(fetched: Sequence[_Fetched]) -> None:
    """Give the sides their scores."""
    by_photo: dict[Photo, list[_Fetched]] = {}
    for one in fetched:
        by_photo.setdefault(one.photo, []).append(one)
    questions = [
        [Answers(photo.size(one.cell.width), list(one.contents.values())) for one in some]
        for photo, some in by_photo.items()
    ]
    # Fresh processes: they have none of the threads of this one.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = list(pool.map(score.scores, [photo.path for photo in by_photo], questions))
    for some, scores in zip(by_photo.values(), found, strict=True):
        for one, values in zip(some, scores, strict=True):
            for name, value in zip(one.contents, values, strict=True):
                one.cell.sides[name].scores.append(value)


def count_of(count: int, part: float) -> int:
    """Return how many assets a round takes: a multiple of four, so that all kinds of photographs are in it."""
    return max(4, round(count * part / 4) * 4)


def in_turns(cell: Cell, rounds: int, sides: Sequence[Side], assets: Sequence[Asset]) -> Cell:
    """Measure all sides round by round, each time another one first, after some work that does not count."""
    for side in sides:
        side.measure(assets[:_WARM], cell.width)
        cell.sides[side.name] = Measured()
    for number in range(rounds):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            cell.sides[side.name].samples.append(side.measure(assets, cell.width))
    return cell


def beside_pyvips(cells: Sequence[Cell]) -> list[Comparison]:
    """Return the cells that have a target beside pyvips alone, as comparisons."""
    found = []
    for cell in cells:
        if cell.key in _BESIDE_PYVIPS:
            key, path, must = _BESIDE_PYVIPS[cell.key]
            rounds = list(zip(cell.sides[PYVIPS].samples, cell.sides[TADA].samples, strict=True))
            found.append(Comparison(key, path, "bare pyvips", must, rounds))
    return found


def line(cell: Cell) -> str:
    """Return one cell as a line for people."""
    sides = "  ".join(f"{name} {side.rate:.1f}/s {side.cpu_ms:.1f} ms" for name, side in cell.sides.items())
    return f"{cell.key}: {sides}"
