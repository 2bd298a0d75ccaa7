from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import names, reductions
from services.core.assets.facts import Facts
from services.core.assets.reductions import Reduction, may_pay, pays, stored_as, surely_pays
from tests.support.catalogs import an_entry

SIDE = 1024
REDUCTION = Reduction(
    ".reductions/DEV/cat.webp.0123456789abcdef", "5e" * 32, "d1" * 32, 99, "image/jpeg", 1008, 756, SIDE, 1
)


@pytest.mark.parametrize(
    ("media_type", "width", "height", "converts", "paid"),
    [
        ("image/jpeg", 4032, 3024, False, True),
        ("image/jpeg", 3024, 4032, False, True),
        ("image/jpeg", 2000, 1500, False, True),
        ("image/jpeg", 1600, 1200, False, False),
        ("image/jpeg", 640, 480, True, True),
        ("image/jpeg", 500, 400, True, False),
        ("image/png", 1024, 768, False, True),
        ("image/png", 600, 400, False, False),
        ("image/avif", 640, 480, False, True),
        ("image/webp", 1600, 1200, False, True),
        ("image/tiff", 4032, 3024, False, True),
        ("image/gif", 4032, 3024, True, False),
        ("image/heic", 4032, 3024, True, False),
        ("image/svg+xml", 4032, 3024, True, False),
        ("application/pdf", 4032, 3024, True, False),
    ],
)
def test_a_reduction_pays_where_small_renditions_are_dear(
    media_type: str, width: int, height: int, converts: bool, paid: bool
) -> None:
    assert pays(media_type, width, height, SIDE, converts=converts) is paid
    assert not pays(media_type, width, height, 0, converts=converts)


TYPE = st.sampled_from(["image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff"])
LENGTH = st.integers(1, 65_535)


@given(TYPE, LENGTH, LENGTH, st.integers(1, reductions.SIDE_MAX))
def test_what_pays_for_plain_colours_pays_for_others_and_for_more_pixels(
    media_type: str, width: int, height: int, side: int
) -> None:
    if pays(media_type, width, height, side, converts=False):
        assert pays(media_type, width, height, side, converts=True)
        assert pays(media_type, 2 * width, 2 * height, side, converts=False)


def test_the_catalog_tells_only_what_can_pay() -> None:
    large = an_entry().with_facts(Facts(4032, 3024))
    assert may_pay(large, SIDE)
    assert not may_pay(large, 0)
    assert not may_pay(an_entry(), SIDE), "nobody knows its size yet"
    assert not may_pay(an_entry().with_facts(Facts(300, 200)), SIDE)


def test_a_large_picture_that_is_no_png_needs_no_look_at_it() -> None:
    assert surely_pays(an_entry().with_facts(Facts(4032, 3024)), SIDE)
    assert not surely_pays(an_entry().with_facts(Facts(4032, 3024)), 0)
    assert not surely_pays(an_entry(), SIDE)
    medium = an_entry().with_facts(Facts(1200, 900))
    assert may_pay(medium, SIDE)
    assert not surely_pays(medium, SIDE)
    drawing = replace(an_entry().with_facts(Facts(4032, 3024)), stored_mimetype="image/png")
    assert may_pay(drawing, SIDE)
    assert not surely_pays(drawing, SIDE)


@pytest.mark.parametrize(
    ("width", "height", "enough"), [(400, 300, True), (544, 408, True), (545, 408, False), (200, 409, False)]
)
def test_a_rendition_is_at_most_about_half_as_large(width: int, height: int, enough: bool) -> None:
    assert REDUCTION.suffices(width, height) is enough


def test_a_reduction_shows_the_bytes_that_it_was_made_of() -> None:
    entry = an_entry()
    assert REDUCTION.shows(entry)
    assert REDUCTION.shows(replace(entry, version=2, focus_x=0.1, focus_y=0.2))
    assert not REDUCTION.shows(replace(entry, signature="aa" * 32))


def test_a_reduction_is_current_until_the_way_to_make_it_changes() -> None:
    assert replace(REDUCTION, revision=reductions.REVISION).is_current(SIDE)
    assert not REDUCTION.is_current(2048)
    assert not replace(REDUCTION, revision=reductions.REVISION + 1).is_current(SIDE)


def test_an_entry_can_be_seen_with_the_reduction_as_its_object() -> None:
    entry = an_entry().with_facts(Facts(4032, 3024))
    seen = stored_as(entry, REDUCTION)
    assert (seen.stored.key, seen.stored_type, seen.size, seen.signature) == (
        REDUCTION.storage_key,
        "image/jpeg",
        99,
        REDUCTION.digest,
    )
    assert (seen.width, seen.height) == (1008, 756)
    assert (seen.unique_name, seen.uuid, seen.delivered_since) == (
        entry.unique_name,
        entry.uuid,
        entry.delivered_since,
    )


def test_no_asset_can_have_the_key_of_a_reduction() -> None:
    assert not names.is_unique_name("/" + REDUCTION.storage_key)
    assert not names.is_unique_name("/.reductions/DEV/cat.webp")
    assert not names.is_safe_segment(".reductions")
