"""Cells: all sides in turns, and what follows from their rounds."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.tools.bench.cells import QUICK, SLOW, cell
from tools.bench.assets import Asset, named
from tools.bench.measuring import Sample
from tools.bench.photos import Photo, PhotoSet
from tools.bench.renditions import SIZES, Cell, beside_pyvips, count_of, in_turns, takes_part
from tools.bench.sides import PYVIPS, TADA, TADA_BARE, Side

PHOTO = Photo(Path("x.jpg"), 2000, 1500)


def test_sides_take_turns_and_each_is_first_once() -> None:
    asked: list[tuple[str, int]] = []

    def side(name: str) -> Side:
        def measure(assets: Sequence[Asset], width: int) -> Sample:
            assert width == 200
            asked.append((name, len(assets)))
            return Sample(len(assets), 1, 1)

        return Side(name, measure, lambda asset, width: b"")

    sides, assets = [side(name) for name in "abc"], named([PHOTO], 20)
    measured = in_turns(Cell(PhotoSet("camera", "", [PHOTO]), 200), 3, sides, assets)
    assert asked[:3] == [("a", 4), ("b", 4), ("c", 4)], "they do not count"
    assert asked[3:] == [(name, 20) for name in "abcbcacab"]
    assert all(len(measured.sides[name].samples) == 3 for name in "abc")


def test_ratios_are_of_the_same_round() -> None:
    found = cell("phone", "", 200, peers=True)
    assert found.ratio(TADA, TADA_BARE) == 2
    assert found.ratio(TADA, QUICK) == pytest.approx(2)  # Of 2, 3 and 1.5; by the medians it would be 2.4.
    assert found.cpu_ratio(TADA, SLOW) == pytest.approx(50 / 12)
    assert found.fastest([SLOW, QUICK]) == QUICK
    assert (found.sides[TADA].rate, found.sides[TADA].size_bytes, found.sides[TADA].score) == (120, 5005, 58.5)


@pytest.mark.parametrize(
    ("key", "width", "wanted"),
    [
        ("phone", 200, {TADA, TADA_BARE, QUICK}),
        ("phone", 1600, {TADA, QUICK}),
        ("camera", 800, {TADA, TADA_BARE, PYVIPS, QUICK}),
        ("camera", 0, {TADA, PYVIPS, QUICK}),
        ("small", 400, {TADA, QUICK}),
    ],
)
def test_a_side_is_measured_where_it_has_something_to_show(key: str, width: int, wanted: set[str]) -> None:
    made = Cell(PhotoSet(key, "", [PHOTO]), width)
    assert {name for name in (TADA, TADA_BARE, PYVIPS, QUICK) if takes_part(name, made)} == wanted


def test_some_cells_have_a_target_beside_pyvips() -> None:
    cells = [cell(key, "", width, peers=False) for key, sizes in SIZES.items() for width in sizes]
    found = {comparison.key: comparison for comparison in beside_pyvips(cells)}
    assert list(found) == ["uncached_200", "uncached_800", "uncached_full", "uncached_200_small"]
    assert found["uncached_200"].ratio == pytest.approx(120 / 65)
    assert found["uncached_200"].cpu_ratio == pytest.approx(2)


@pytest.mark.parametrize(("count", "part", "wanted"), [(48, 1, 48), (48, 0.5, 24), (12, 0.5, 8), (4, 0.5, 4)])
def test_a_round_has_all_kinds_of_photographs(count: int, part: float, wanted: int) -> None:
    assert count_of(count, part) == wanted
