import pytest

from services.transform.render.steps.turn import turn
from services.transform.render.stop import Stop
from tests.support.stages import gradient, order, picture, size

UPPER_LEFT = {2: (29, 0), 3: (29, 19), 4: (0, 19), 5: (0, 0), 6: (0, 19), 7: (29, 19), 8: (29, 0)}
"""Which pixel of 30x20, as it is stored, is in the upper left corner of the upright picture."""


@pytest.mark.parametrize("orientation", UPPER_LEFT)
def test_every_orientation_becomes_upright(orientation: int) -> None:
    made = turn(picture(gradient(30, 20), orientation=orientation), order())
    assert size(made) == ((30, 20) if orientation < 5 else (20, 30))
    assert tuple(made.image(0, 0)[:2]) == UPPER_LEFT[orientation]
    assert made.orientation == 1


def test_what_is_upright_is_left_alone() -> None:
    given = picture(gradient(30, 20))
    assert turn(given, order()) is given


def test_a_render_that_was_stopped_turns_nothing() -> None:
    stop = Stop()
    stop.pull(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        turn(picture(gradient(30, 20), orientation=6), order(stop=stop))
    stop.over()
