import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.transform.geometry import WEBP_SIDE_MAX, Fit, fit, quality_for

sources = st.integers(1, WEBP_SIDE_MAX)
any_sources = st.integers(1, 100_000)
sides = st.integers(0, 10_000)
given_sides = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("source", "box", "plan"),
    [
        ((640, 427), (0, 0), Fit(640, 427, 640, 427)),
        ((640, 427), (320, 0), Fit(320, 214, 320, 214)),
        ((640, 427), (0, 100), Fit(150, 100, 150, 100)),
        ((640, 427), (100, 100), Fit(150, 100, 100, 100)),
        ((427, 640), (100, 100), Fit(100, 150, 100, 100)),
        ((640, 427), (640, 427), Fit(640, 427, 640, 427)),
        ((640, 427), (2000, 0), Fit(640, 427, 640, 427)),
        ((640, 427), (0, 2000), Fit(640, 427, 640, 427)),
        ((640, 427), (2000, 2000), Fit(640, 427, 640, 427)),
        ((640, 427), (2000, 100), Fit(640, 427, 640, 100)),
        ((640, 427), (100, 2000), Fit(640, 427, 100, 427)),
        ((10_000, 1), (100, 0), Fit(100, 1, 100, 1)),
        ((1, 1), (1, 1), Fit(1, 1, 1, 1)),
    ],
)
def test_how_a_source_fits(source: tuple[int, int], box: tuple[int, int], plan: Fit) -> None:
    assert fit(*source, *box) == plan


@given(any_sources, any_sources, sides, sides)
def test_nothing_is_ever_enlarged(source_width: int, source_height: int, width: int, height: int) -> None:
    plan = fit(source_width, source_height, width, height)
    assert 1 <= plan.crop_width <= plan.width <= source_width
    assert 1 <= plan.crop_height <= plan.height <= source_height


@given(any_sources, any_sources, sides, sides)
@example(20_000, 3, 7, 0)
def test_the_aspect_is_kept_within_a_pixel(source_width: int, source_height: int, width: int, height: int) -> None:
    plan = fit(source_width, source_height, width, height)
    if source_width >= source_height:
        assert abs(plan.height - plan.width * source_height / source_width) <= 1
    else:
        assert abs(plan.width - plan.height * source_width / source_height) <= 1


@given(sources, sources, given_sides, given_sides)
def test_a_box_is_filled_wherever_the_source_reaches(
    source_width: int, source_height: int, width: int, height: int
) -> None:
    plan = fit(source_width, source_height, width, height)
    assert plan.crop_width == min(width, source_width)
    assert plan.crop_height == min(height, source_height)
    if width <= source_width and height <= source_height:
        assert (plan.width == width) or (plan.height == height)


@given(sources, sources, given_sides)
def test_one_given_side_is_met_and_nothing_is_cut(source_width: int, source_height: int, side: int) -> None:
    by_width, by_height = fit(source_width, source_height, side, 0), fit(source_width, source_height, 0, side)
    assert by_width.width == min(side, source_width)
    assert by_height.height == min(side, source_height)
    for plan in (by_width, by_height):
        assert (plan.crop_width, plan.crop_height) == (plan.width, plan.height)


@given(sources, sources)
def test_without_a_size_the_source_stays_as_it_is(source_width: int, source_height: int) -> None:
    assert fit(source_width, source_height, 0, 0) == Fit(source_width, source_height, source_width, source_height)


@given(any_sources, any_sources, sides, sides)
def test_what_is_larger_than_webp_can_be_is_scaled_down_to_it(
    source_width: int, source_height: int, width: int, height: int
) -> None:
    plan = fit(source_width, source_height, width, height)
    assert max(plan.crop_width, plan.crop_height) <= WEBP_SIDE_MAX == 16383
    if not (width or height) and max(source_width, source_height) > WEBP_SIDE_MAX:
        assert max(plan.width, plan.height) == WEBP_SIDE_MAX


@given(any_sources, any_sources, sides, sides)
def test_a_turned_source_fits_a_turned_box_the_same(
    source_width: int, source_height: int, width: int, height: int
) -> None:
    plan, turned = fit(source_width, source_height, width, height), fit(source_height, source_width, height, width)
    assert turned == Fit(plan.height, plan.width, plan.crop_height, plan.crop_width)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_larger_picture_never_gets_a_lower_quality(width: int, height: int) -> None:
    assert 1 <= quality_for(width, height) <= quality_for(width + 100, height) <= 100
    assert quality_for(width, height) == quality_for(height, width)
