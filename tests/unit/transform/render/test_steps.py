"""The order of the steps, and what lies between them."""

from pathlib import Path
from typing import Any, get_type_hints

import pytest

from services.transform.render import pipeline, steps
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stages import Document, Encoded, Raster
from services.transform.render.stop import Stop

FOLDER = Path(steps.__path__[0])
TESTS = Path(__file__).parent / "steps"


def test_each_step_takes_what_the_step_before_it_returns() -> None:
    hints = [get_type_hints(step) for step in pipeline.STEPS]
    taken = [next(iter(hint.values())) for hint in hints]
    assert taken[0] == Document | Raster
    assert taken[1:] == [hint["return"] for hint in hints[:-1]]
    assert hints[-1]["return"] is Encoded


def test_each_step_has_a_file_and_a_test_of_its_own() -> None:
    names = [step.__name__ for step in pipeline.STEPS]
    assert [step.__module__ for step in pipeline.STEPS] == [f"{steps.__name__}.{name}" for name in names]
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "effect"}
    assert files >= set(names)
    assert {path.stem for path in TESTS.glob("test_*.py")} >= {f"test_{name}" for name in files}


@pytest.mark.parametrize("pulled_in", range(len(pipeline.STEPS)))
def test_no_step_begins_after_the_stop_was_pulled(
    photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, pulled_in: int
) -> None:
    stop, begun = Stop(), []

    def watched(number: int) -> Any:
        def step(stage: Any, order: Any) -> Any:
            begun.append(number)
            found = pipeline_steps[number](stage, order)
            if number == pulled_in:
                stop.pull(ZeroDivisionError())
            return found

        return step

    pipeline_steps = pipeline.STEPS
    monkeypatch.setattr(pipeline, "STEPS", tuple(map(watched, range(len(pipeline_steps)))))
    with pytest.raises(ZeroDivisionError):
        pipeline.render(photos["china.jpg"], Plan(50), Limits(), stop)
    stop.over()
    assert begun == list(range(pulled_in + 1))
