"""If-Match, as RFC 9110 13.1.1 has it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.conditions import parse_if_match
from services.core.errors import BadRequest

TAGS = st.from_regex(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]{0,9}"', fullmatch=True)


@pytest.mark.parametrize(
    ("header", "strong"),
    [
        ("*", None),
        (' "a" ', {'"a"'}),
        ('"a", "b"', {'"a"', '"b"'}),
        ('"a",W/"b",, "c,d"', {'"a"', '"c,d"'}),
        ('W/"a"', set()),
        ('""', {'""'}),
    ],
)
def test_a_condition_is_read(header: str, strong: set[str] | None) -> None:
    assert parse_if_match(header) == (None if strong is None else frozenset(strong))


@pytest.mark.parametrize("header", ["", " ", ",", "a", '"a', '"a" "b"', '"a b"', 'w/"a"', '*, "a"', '"a", *', "'a'"])
def test_what_is_no_condition_is_refused(header: str) -> None:
    with pytest.raises(BadRequest, match="If-Match"):
        parse_if_match(header)


@given(st.lists(TAGS, min_size=1))
def test_every_list_of_tags_is_read(tags: list[str]) -> None:
    assert parse_if_match(" , ".join(tags)) == frozenset(tag for tag in tags if not tag.startswith("W/"))


@given(st.text(st.characters(max_codepoint=255)))
def test_any_text_is_read_or_refused(header: str) -> None:
    with suppress(BadRequest):
        assert all(tag in header for tag in parse_if_match(header) or ())
