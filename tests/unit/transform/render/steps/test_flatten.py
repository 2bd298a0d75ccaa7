import pytest

from services.core.addresses.values import Format
from services.transform.render.plan import Plan
from services.transform.render.steps.flatten import flatten
from tests.support.stages import gradient, order, picture


@pytest.mark.parametrize("alpha", [0, 254, 255])
@pytest.mark.parametrize("wanted", ["webp", "avif", "png"])
def test_transparency_is_left_alone_where_there_can_be_any(wanted: Format, alpha: int) -> None:
    given = picture(gradient(20, 10, alpha=alpha))
    assert flatten(given, order(Plan(format=wanted))) is given


def test_a_jpeg_shows_what_is_transparent_on_white() -> None:
    made = flatten(picture(gradient(20, 10, alpha=0)), order(Plan(format="jpeg")))
    assert not made.image.hasalpha()
    assert made.image(5, 5) == [255, 255, 255]


@pytest.mark.parametrize(("alpha", "kept"), [(0, True), (254, True), (255, False)])
def test_plain_keeps_transparency_where_something_is_transparent(alpha: int, kept: bool) -> None:
    made = flatten(picture(gradient(20, 10, alpha=alpha)), order(Plan(format="plain")))
    assert made.image.hasalpha() == kept
    assert made.image(5, 4)[:3] == [5, 4, 0]


@pytest.mark.parametrize("wanted", ["jpeg", "plain"])
def test_an_opaque_picture_is_left_alone(wanted: Format) -> None:
    given = picture(gradient(20, 10))
    assert flatten(given, order(Plan(format=wanted))) is given
