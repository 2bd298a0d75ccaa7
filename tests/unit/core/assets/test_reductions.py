from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import names, reductions
from services.core.assets.facts import Facts
from services.core.assets.reductions import Part, Reduction, may_pay, pays, stored_as, surely_pays
from tests.support.catalogs import an_entry

SIDE = 1024
FIRST, SECOND = Part(0, 70, 1008, 756), Part(70, 29, 504, 378)
REDUCTION = Reduction(
    ".reductions/DEV/cat.webp.0123456789abcdef", "5e" * 32, "d1" * 32, 99, "image/jpeg", 1008, 756, SIDE, 1, (SECOND,)
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
    ("width", "height", "parts"),
    [
        (200, 150, [SECOND, FIRST]),
        (272, 204, [SECOND, FIRST]),
        (273, 204, [FIRST]),
        (200, 205, [FIRST]),
        (544, 408, [FIRST]),
        (545, 408, []),
        (200, 409, []),
    ],
)
def test_a_rendition_can_be_made_from_the_pictures_of_which_it_is_at_most_about_half(
    width: int, height: int, parts: list[Part]
) -> None:
    assert REDUCTION.parts_for(width, height) == parts


def test_a_reduction_of_before_has_one_picture() -> None:
    alone = replace(REDUCTION, smaller=())
    assert alone.parts == (Part(0, 99, 1008, 756),)
    assert alone.parts_for(200, 150) == [*alone.parts]


JPEG, WEBP = b"\xff\xd8\xff\xe0" + bytes(20), b"RIFF\x10\0\0\0WEBPVP8 " + bytes(8)


@pytest.mark.parametrize(
    ("content", "said", "true"),
    [
        (JPEG, [(0, 24, 8, 6)], True),
        (JPEG + JPEG, [(0, 24, 8, 6), (24, 24, 4, 3)], True),
        (WEBP + WEBP, [(0, 24, 8, 6), (24, 24, 4, 3)], False),
        (JPEG + WEBP, [(0, 24, 8, 6), (24, 24, 4, 3)], False),
        (JPEG + JPEG, [(0, 24, 8, 6)], False),
        (JPEG + JPEG, [(0, 24, 8, 6), (23, 25, 4, 3)], False),
        (JPEG + JPEG, [(0, 24, 8, 6), (24, 23, 4, 3)], False),
        (JPEG + JPEG, [(0, 24, 8, 6), (24, 24, 9, 3)], False),
        (JPEG + JPEG, [(0, 24, 8, 6), (24, 24, 4, 0)], False),
        (JPEG + JPEG, [(0, 48, 8, 6), (48, 0, 4, 3)], False),
        (JPEG + JPEG, [(0, 72, 8, 6), (72, -24, 4, 3)], False),
        (b"", [(0, 0, 8, 6)], False),
    ],
)
def test_pictures_lie_one_after_the_other(content: bytes, said: list[tuple[int, int, int, int]], true: bool) -> None:
    assert reductions.are_pictures(tuple(Part(*one) for one in said), content, "image/jpeg") is true


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
    small = stored_as(entry, REDUCTION, SECOND)
    assert (small.size, small.width, small.height) == (99, 504, 378), "the file is read as a whole"
    assert (seen.unique_name, seen.uuid, seen.delivered_since) == (
        entry.unique_name,
        entry.uuid,
        entry.delivered_since,
    )


def test_no_asset_can_have_the_key_of_a_reduction() -> None:
    assert not names.is_unique_name("/" + REDUCTION.storage_key)
    assert not names.is_unique_name("/.reductions/DEV/cat.webp")
    assert not names.is_safe_segment(".reductions")
