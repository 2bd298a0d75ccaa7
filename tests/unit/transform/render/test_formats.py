from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.addresses.values import Format
from services.core.assets.media_types import AVIF, JPEG, PNG, WEBP
from services.transform.render.formats import Encoding, animated, choose, side_max
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

LIMITS = Limits(avif_pixels=1_000_000)
QUALITIES = st.integers(1, 100)


@pytest.mark.parametrize(
    ("wanted", "size", "frames", "transparent", "made"),
    [
        ("webp", (800, 600), 1, False, WEBP),
        ("webp", (800, 600), 9, True, WEBP),
        ("avif", (800, 600), 1, True, AVIF),
        ("avif", (1000, 1000), 1, False, AVIF),
        ("avif", (1001, 1000), 1, False, WEBP),
        ("avif", (80, 60), 2, False, WEBP),
        ("jpeg", (800, 600), 1, True, JPEG),
        ("png", (800, 600), 1, False, PNG),
        ("plain", (800, 600), 1, False, JPEG),
        ("plain", (800, 600), 1, True, PNG),
    ],
)
def test_which_format_is_made(wanted: Format, size: tuple[int, int], frames: int, transparent: bool, made: str) -> None:
    assert choose(Plan(format=wanted), LIMITS, *size, frames, transparent=transparent).media_type == made


@pytest.mark.parametrize(("side", "quality"), [(200, 75), (800, 80), (801, 85)])
def test_the_quality_follows_the_size_unless_it_is_asked_for(side: int, quality: int) -> None:
    assert choose(Plan(), LIMITS, side, 10, 1, transparent=False).quality == quality
    assert choose(Plan(quality=33), LIMITS, side, 10, 1, transparent=False).quality == 33


def test_large_pictures_and_long_animations_get_less_effort() -> None:
    efforts = [
        choose(Plan(), LIMITS, *size, frames, transparent=False).effort
        for size, frames in (((2000, 2000), 1), ((2001, 2000), 1), ((1000, 1000), 4), ((1000, 1000), 5))
    ]
    assert efforts == [4, 2, 4, 2]


@pytest.mark.parametrize(("wanted", "kept"), [("webp", True), ("avif", True), ("jpeg", False), ("plain", False)])
def test_only_where_webp_can_be_made_an_animation_stays_one(wanted: Format, kept: bool) -> None:
    assert animated(wanted, 2) is kept
    assert not animated(wanted, 1)


def test_no_side_is_larger_than_allowed_or_than_the_format_can_have() -> None:
    assert side_max("webp", Limits(side=100_000)) == side_max("avif", Limits(side=100_000)) == 16383
    assert side_max("jpeg", Limits(side=100_000)) == 65500
    assert side_max("png", Limits(side=100_000)) == 100_000
    assert {side_max(wanted, Limits(side=50)) for wanted in ("webp", "avif", "jpeg", "png", "plain")} == {50}  # type: ignore[arg-type]


@given(QUALITIES, QUALITIES, st.sampled_from([WEBP, AVIF, JPEG]))
def test_a_higher_quality_is_never_a_lower_one_in_another_format(one: int, other: int, media_type: str) -> None:
    low, high = sorted((one, other))
    encoding = Encoding(media_type, low)
    assert 0 <= encoding.options()["Q"] <= replace(encoding, quality=high).options()["Q"] <= 100


@pytest.mark.parametrize(("media_type", "quality"), [(WEBP, 80), (AVIF, 64), (JPEG, 84)])
def test_the_same_quality_is_the_number_that_looks_the_same(media_type: str, quality: int) -> None:
    assert Encoding(media_type, 80).options()["Q"] == quality


def test_the_best_quality_is_the_best_of_each_format() -> None:
    assert {Encoding(media_type, 100).options()["Q"] for media_type in (WEBP, AVIF, JPEG)} == {100}
