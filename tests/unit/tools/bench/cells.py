"""Cells as a measurement leaves them."""

from pathlib import Path

from tools.bench.measuring import Sample
from tools.bench.photos import Photo, PhotoSet
from tools.bench.renditions import Cell, Measured, takes_part
from tools.bench.sides import PYVIPS, TADA, TADA_BARE

SLOW, QUICK = "slow 1.0", "quick 2.0"


def samples(rates: list[float], cpu_ms: float) -> list[Sample]:
    """Return rounds with these rates, each of ten requests."""
    return [Sample(10, 10 / rate, cpu_ms / 100) for rate in rates]


def cell(key: str, title: str, width: int, *, peers: bool) -> Cell:
    made = Cell(PhotoSet(key, title, [Photo(Path(f"{key}.jpg"), 4032, 3024)]), width)
    made.sides[TADA] = Measured(samples([100, 150, 120], 12), [5000, 5010], [58, 59])
    if takes_part(TADA_BARE, made):
        made.sides[TADA_BARE] = Measured(samples([50, 60, 60], 26), [5000, 4990], [58.5, 59])
    if takes_part(PYVIPS, made):
        made.sides[PYVIPS] = Measured(samples([60, 70, 65], 24))
    if peers:
        made.sides[SLOW] = Measured(samples([10, 20, 30], 50), [5200], [57])
        made.sides[QUICK] = Measured(samples([50, 50, 80], 20), [5100], [56])
    return made
