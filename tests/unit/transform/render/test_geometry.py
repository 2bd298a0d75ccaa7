import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.core.addresses.values import Fit, Focus
from services.transform.render.geometry import Box, fit, jpeg_shrink, quality_for
from services.transform.render.plan import Plan

SIDE_MAX = 16_383

sources = st.integers(1, SIDE_MAX)
any_sources = st.integers(1, 100_000)
sides = st.integers(0, 10_000)
given_sides = st.integers(1, 10_000)
fits = st.sampled_from(["cover", "contain", "fill"])
focuses = st.none() | st.just("smart") | st.builds(Focus, st.floats(0, 1), st.floats(0, 1))


def box(source: tuple[int, int], sides: tuple[int, int], fitting: Fit = "cover", focus: Focus | None = None) -> Box:
    return fit(*source, Plan(*sides, fit=fitting, focus=focus), SIDE_MAX)


@pytest.mark.parametrize(
    ("source", "sides", "expected"),
    [
        ((640, 427), (0, 0), Box(640, 427, 640, 427)),
        ((640, 427), (320, 0), Box(320, 214, 320, 214)),
        ((640, 427), (0, 100), Box(150, 100, 150, 100)),
        ((640, 427), (100, 100), Box(150, 100, 100, 100, left=25)),
        ((427, 640), (100, 100), Box(100, 150, 100, 100, top=25)),
        ((640, 427), (640, 427), Box(640, 427, 640, 427)),
        ((640, 427), (2000, 0), Box(640, 427, 640, 427)),
        ((640, 427), (0, 2000), Box(640, 427, 640, 427)),
        ((640, 427), (2000, 2000), Box(640, 427, 640, 427)),
        ((640, 427), (2000, 100), Box(640, 427, 640, 100, top=163)),
        ((640, 427), (100, 2000), Box(640, 427, 100, 427, left=270)),
        ((10_000, 1), (100, 0), Box(100, 1, 100, 1)),
        ((1, 1), (1, 1), Box(1, 1, 1, 1)),
    ],
)
def test_how_a_source_covers_a_box(source: tuple[int, int], sides: tuple[int, int], expected: Box) -> None:
    assert box(source, sides) == expected


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((100, 100), Box(100, 67, 100, 67)),
        ((300, 100), Box(150, 100, 150, 100)),
        ((2000, 2000), Box(640, 427, 640, 427)),
        ((2000, 100), Box(150, 100, 150, 100)),
        ((100, 0), Box(100, 67, 100, 67)),
        ((0, 0), Box(640, 427, 640, 427)),
    ],
)
def test_contained_the_whole_image_is_inside_the_box(sides: tuple[int, int], expected: Box) -> None:
    assert box((640, 427), sides, "contain") == expected


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((100, 100), Box(100, 100, 100, 100)),
        ((2000, 100), Box(640, 100, 640, 100)),
        ((100, 2000), Box(100, 427, 100, 427)),
        ((100, 0), Box(100, 67, 100, 67)),
    ],
)
def test_filling_stretches_the_image_to_the_box(sides: tuple[int, int], expected: Box) -> None:
    assert box((640, 427), sides, "fill") == expected


@pytest.mark.parametrize(
    ("focus", "left"),
    [(0.0, 0), (0.1, 0), (1 / 3, 0), (0.4, 10), (0.5, 25), (0.6, 40), (2 / 3, 50), (0.9, 50), (1.0, 50)],
)
def test_a_cut_has_its_focus_in_the_middle_or_as_near_as_the_edges_allow(focus: float, left: int) -> None:
    assert box((640, 427), (100, 100), focus=Focus(focus, 0.5)) == Box(150, 100, 100, 100, left=left)
    assert box((427, 640), (100, 100), focus=Focus(0.5, focus)) == Box(100, 150, 100, 100, top=left)


@given(any_sources, any_sources, sides, sides, fits, focuses)
def test_nothing_is_ever_enlarged_and_no_cut_leaves_the_image(
    source_width: int, source_height: int, width: int, height: int, fitting: Fit, focus: Focus | None
) -> None:
    found = fit(source_width, source_height, Plan(width, height, fit=fitting, focus=focus), SIDE_MAX)
    assert 1 <= found.crop_width <= found.width <= source_width
    assert 1 <= found.crop_height <= found.height <= source_height
    assert 0 <= found.left <= found.width - found.crop_width
    assert 0 <= found.top <= found.height - found.crop_height
    assert max(found.crop_width, found.crop_height) <= SIDE_MAX
    assert found.crop_width <= width or not width
    assert found.crop_height <= height or not height


@given(any_sources, any_sources, sides, sides)
@example(20_000, 3, 7, 0)
def test_the_aspect_is_kept_within_a_pixel(source_width: int, source_height: int, width: int, height: int) -> None:
    found = box((source_width, source_height), (width, height))
    if source_width >= source_height:
        assert abs(found.height - found.width * source_height / source_width) <= 1
    else:
        assert abs(found.width - found.height * source_width / source_height) <= 1


@given(sources, sources, given_sides, given_sides)
def test_a_box_is_filled_wherever_the_source_reaches(
    source_width: int, source_height: int, width: int, height: int
) -> None:
    found = box((source_width, source_height), (width, height))
    assert found.crop_width == min(width, source_width)
    assert found.crop_height == min(height, source_height)
    if width <= source_width and height <= source_height:
        assert (found.width == width) or (found.height == height)


@given(sources, sources, given_sides, given_sides)
def test_what_is_contained_touches_its_box_and_is_not_cut(
    source_width: int, source_height: int, width: int, height: int
) -> None:
    found = box((source_width, source_height), (width, height), "contain")
    assert not found.cuts
    assert found.width in (width, source_width) or found.height in (height, source_height)


@given(sources, sources, given_sides)
def test_one_given_side_is_met_and_nothing_is_cut(source_width: int, source_height: int, side: int) -> None:
    by_width, by_height = box((source_width, source_height), (side, 0)), box((source_width, source_height), (0, side))
    assert by_width.width == min(side, source_width)
    assert by_height.height == min(side, source_height)
    assert not by_width.cuts
    assert not by_height.cuts


@given(sources, sources, fits)
def test_without_a_size_the_source_stays_as_it_is(source_width: int, source_height: int, fitting: Fit) -> None:
    found = box((source_width, source_height), (0, 0), fitting)
    assert found == Box(source_width, source_height, source_width, source_height)


@given(any_sources, any_sources)
def test_what_is_larger_than_a_result_can_be_is_scaled_down_to_it(source_width: int, source_height: int) -> None:
    found = box((source_width, source_height), (0, 0))
    if max(source_width, source_height) > SIDE_MAX:
        assert max(found.width, found.height) == SIDE_MAX


@given(any_sources, any_sources, sides, sides, fits)
def test_a_turned_source_fits_a_turned_box_the_same(
    source_width: int, source_height: int, width: int, height: int, fitting: Fit
) -> None:
    found = box((source_width, source_height), (width, height), fitting)
    turned = box((source_height, source_width), (height, width), fitting)
    assert turned == Box(found.height, found.width, found.crop_height, found.crop_width, left=found.top, top=found.left)


@pytest.mark.parametrize(
    ("sides", "fitting", "expected"),
    [
        ((200, 0), "cover", Box(200, 100, 200, 100)),
        ((200, 200), "cover", Box(400, 200, 200, 200, left=100)),
        ((200, 200), "contain", Box(200, 100, 200, 100)),
        ((200, 200), "fill", Box(200, 200, 200, 200)),
        ((0, 0), "cover", Box(20, 10, 20, 10)),
        ((SIDE_MAX, SIDE_MAX), "contain", Box(SIDE_MAX, 8192, SIDE_MAX, 8192)),
    ],
)
def test_what_has_no_pixels_of_its_own_is_drawn_as_large_as_it_is_asked_for(
    sides: tuple[int, int], fitting: Fit, expected: Box
) -> None:
    assert fit(20, 10, Plan(*sides, fit=fitting), SIDE_MAX, enlarge=True) == expected


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_larger_picture_never_gets_a_lower_quality(width: int, height: int) -> None:
    assert 1 <= quality_for(width, height) <= quality_for(width + 100, height) <= 100
    assert quality_for(width, height) == quality_for(height, width)


@pytest.mark.parametrize(("side", "quality"), [(1, 75), (200, 75), (201, 80), (800, 80), (801, 85), (8192, 85)])
def test_the_quality_follows_the_longer_side(side: int, quality: int) -> None:
    assert quality_for(side, 1) == quality_for(1, side) == quality


@pytest.mark.parametrize(
    ("factor", "shrink"), [(1, 1), (2.4, 1), (2.5, 2), (7.9, 2), (8, 4), (10, 4), (15.9, 4), (16, 8), (100, 8)]
)
def test_by_how_much_a_jpeg_is_made_smaller_while_it_is_decoded(factor: float, shrink: int) -> None:
    assert jpeg_shrink(factor) == shrink


@pytest.mark.parametrize(("factor", "shrink"), [(2.5, 1), (3.9, 1), (4, 2), (8, 4), (16, 8)])
def test_a_reduction_is_made_smaller_while_it_is_decoded_only_far_from_the_result(factor: float, shrink: int) -> None:
    assert jpeg_shrink(factor, reduced=True) == shrink
