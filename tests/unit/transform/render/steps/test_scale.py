import pytest

from services.transform.render.geometry import Box
from services.transform.render.steps.scale import scale
from tests.support.stages import gradient, order, picture, size


@pytest.mark.parametrize(
    ("box", "orientation", "scaled"),
    [
        (Box(50, 40, 50, 40), 1, (50, 40)),
        (Box(50, 40, 30, 30), 1, (50, 40)),
        (Box(50, 10, 50, 10), 1, (50, 10)),
        (Box(40, 50, 40, 50), 6, (50, 40)),
    ],
)
def test_a_picture_gets_the_size_of_its_box_before_it_is_turned(
    box: Box, orientation: int, scaled: tuple[int, int]
) -> None:
    assert size(scale(picture(gradient(100, 80), box, orientation=orientation), order())) == scaled


def test_what_loading_has_scaled_is_left_alone() -> None:
    for given in (picture(gradient(50, 40)), picture(gradient(50, 120), Box(50, 40, 20, 20), frames=3)):
        assert scale(given, order()) is given
