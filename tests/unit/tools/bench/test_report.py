"""What is written after a measurement: the parts of the page of which everything was measured."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.unit.tools.bench.cells import QUICK, SLOW, cell
from tools.bench import report
from tools.bench.measuring import Comparison, Sample
from tools.bench.plots import bars
from tools.bench.renditions import SIZES, Cell
from tools.bench.report import Results
from tools.bench.sides import TADA_BARE

PAGE = """# Performance
<!-- measured -->
old
<!-- /measured -->
<!-- renditions -->
old
<!-- /renditions -->
between
<!-- peers -->
old
<!-- /peers -->
end
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, file in (("JSON", "results/latest.json"), ("PAGE", "performance.md"), ("RATE_BY_SCORE", "rate.svg")):
        monkeypatch.setattr(report, name, tmp_path / file)
    (tmp_path / "performance.md").write_text(PAGE)
    return tmp_path / "performance.md"


def all_cells(*, peers: bool) -> list[Cell]:
    titles = {"phone": "12 megapixels", "camera": "2000x1500", "small": "small"}
    return [cell(key, titles[key], width, peers=peers) for key, sizes in SIZES.items() for width in sizes]


def results(cells: list[Cell]) -> Results:
    memory = {"catalog": 100.0, "transform": 70.0, "transform.2": 80.0}
    return Results(memory, "quick run", 2, memory, cells=cells)


def test_a_run_of_some_rows_renews_what_it_has_measured(page: Path) -> None:
    report.write(results(all_cells(peers=False)), whole=False)
    written = page.read_text()
    assert written.count("old\n") == 2
    assert "| 12 megapixels | 200 | 120, 60 | **2.00** | 12, 26 | 5005, 4995 | 58.5, 58.8 |\n" in written
    assert "| 12 megapixels | 1600 | 120 |  | 12 | 5005 | 58.5 |\n" in written, "no reductions are used there"
    assert "<!-- /renditions -->\nbetween\n<!-- peers -->\nold\n" in written


def test_other_services_have_a_table_and_a_plot(page: Path) -> None:
    report.write(results(all_cells(peers=True)), whole=False)
    written = page.read_text()
    assert f"| photographs | size | TADA | {SLOW} | {QUICK} | ratio | must | by processor time |\n" in written
    first = next(line for line in written.splitlines() if line.startswith("| 12 megapixels | 200 | 120 ·"))
    assert first == (
        "| 12 megapixels | 200 | 120 · 12 · 5005 · 58.5 | 20 · 50 · 5200 · 57.0 | 50 · 20 · 5100 · 56.0 "
        "| **2.00** | 2.50 | 1.67 |"
    )
    drawn = ElementTree.fromstring((page.parent / "rate.svg").read_text())
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"TADA", "TADA without reductions", SLOW, QUICK} <= set(texts)
    circles = list(drawn.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == sum(3 + (TADA_BARE in one.sides) for one in all_cells(peers=True))
    assert all(0 < float(circle.attrib["cx"]) < 660 for circle in circles)


def test_the_figures_are_for_programs_too(page: Path) -> None:
    report.write(results(all_cells(peers=True)), whole=False)
    found = json.loads((page.parent / "results/latest.json").read_text())
    assert found["renditions"]["phone_200"][QUICK] == {
        "rate": 50,
        "cpu_ms": 20,
        "bytes": 5100,
        "score": 56,
        "ratio": 0.5,
        "cpu_ratio": 0.6,
    }
    assert found["rss_mb"] == {"transform_worker": 80, "catalog": 100}


def test_a_page_without_the_marks_is_not_written() -> None:
    assert report.with_section("a\n<!-- x -->\nold\n<!-- /x -->\nb", "x", "new") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb"
    for page in ("a", "a\n<!-- x -->\nold", "<!-- /x -->\n<!-- x -->\n"):
        with pytest.raises(ValueError, match="substring"):
            report.with_section(page, "x", "new")


def test_bars_have_room_for_what_must_reach_something_alone() -> None:
    rounds = [(Sample(10, 1, 1), Sample(9, 1, 1))]
    compared = [Comparison(name, f"`{name}`", "", must, rounds) for name, must in (("a", 0.5), ("b", None), ("c", 1.0))]
    drawn = ElementTree.fromstring(bars(compared))
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert ("a" in texts, "b" in texts, "c" in texts) == (True, False, True)
    assert drawn.attrib["viewBox"] == "0 0 660 120"
    filled = [rect.attrib["fill"] for rect in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert filled == ["#fff", "#2563a8", "#b5542c"], "the second one is below its mark"
