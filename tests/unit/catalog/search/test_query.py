"""The arguments of a search."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.openapi.bodies import search_parameters
from services.catalog.search.query import ARGUMENTS, FACETS, LIMIT, LIMIT_MAX, TEXT_MAX, Cursor, Query, Range, parse
from services.core.errors import BadRequest


def test_nothing_demands_nothing() -> None:
    assert parse([]) == Query() == parse([(name, "") for name in ARGUMENTS])
    assert parse([]).limit == LIMIT


@pytest.mark.parametrize(
    ("given_text", "query"),
    [
        ([("q", " Été  cat ete ")], Query(words=("ete", "cat"))),
        ([("namespace", "DEV")], Query(folder="/DEV", recursive=True)),
        ([("folder", "DEV/shop/")], Query(folder="/DEV/shop")),
        ([("namespace", "DEV"), ("folder", "/DEV"), ("recursive", "true")], Query(folder="/DEV", recursive=True)),
        ([("tag", "b"), ("tag", "a"), ("tag", "b")], Query(tags=("b", "a"))),
        ([("type", "image/png"), ("type", "image/jpg")], Query(types=("image/png", "image/jpeg"))),
        ([("min_width", "10"), ("max_width", "20")], Query(ranges=(Range("width", 10, 21),))),
        ([("max_size", "0")], Query(ranges=(Range("size", None, 1),))),
        ([("uploaded_after", "1970-01-01T00:00:01+00:00")], Query(ranges=(Range("uploaded", 1000, None),))),
        ([("updated_before", "1970-01-01T01:00:00+01:00")], Query(ranges=(Range("updated", None, 0),))),
        ([("expires_after", "1970-01-01T00:00:01Z")], Query(ranges=(Range("expires", 1000, None),))),
        (
            [("visible_before", "1970-01-02"), ("sort", "-visible_from")],
            Query(ranges=(Range("visible", None, 86_400_000),), order="visible"),
        ),
        ([("orientation", "portrait")], Query(orientation="portrait")),
        ([("color", "#ff0000")], Query(colour="red")),
        ([("expired", "false")], Query(expired=False)),
        ([("missing", "alt")], Query(missing="alt")),
        ([("external_id", "0")], Query(external_id="0")),
        ([("signature", "AB" * 32)], Query(signature="ab" * 32)),
        ([("facets", "tag,type,,tag")], Query(facets=("tag", "type"))),
        ([("sort", "name"), ("limit", "7")], Query(order="unique_name", descending=False, limit=7)),
        ([("sort", "-size")], Query(order="size")),
    ],
)
def test_arguments_are_understood(given_text: list[tuple[str, str]], query: Query) -> None:
    assert parse(given_text) == query


@pytest.mark.parametrize(
    "bad",
    [
        ("search", "cat"),
        ("q", "!?"),
        ("q", "x" * (TEXT_MAX + 1)),
        ("q", " ".join(map(str, range(17)))),
        ("namespace", "a/b"),
        ("folder", "/a/../b"),
        ("recursive", "perhaps"),
        ("type", "image/unheard-of"),
        ("min_width", "-1"),
        ("max_size", "9" * 16),
        ("uploaded_after", "soon"),
        ("uploaded_after", "null"),
        ("updated_before", " "),
        ("orientation", "round"),
        ("color", "#12345"),
        ("expired", "2"),
        ("missing", "uuid"),
        ("signature", "ab"),
        ("facets", "tag,color"),
        ("facets", "tag, type"),
        ("sort", "colour"),
        ("sort", "--size"),
        ("limit", "0"),
        ("limit", str(LIMIT_MAX + 1)),
        ("cursor", "x"),
        ("cursor", f"!{Cursor(1, 1).to_text()}"),
        ("cursor", Cursor("/DEV/cat.webp", 1).to_text()),
        ("cursor", Cursor(2**63, 1).to_text()),
    ],
)
def test_what_cannot_be_right_is_refused(bad: tuple[str, str]) -> None:
    with pytest.raises(BadRequest):
        parse([bad])


@pytest.mark.parametrize("sort", ["expiration_date", "-visible_from"])
def test_an_order_by_a_date_that_may_be_missing_needs_bounds_of_it(sort: str) -> None:
    with pytest.raises(BadRequest, match="order of entries that have this date"):
        parse([("sort", sort), ("uploaded_after", "2026-01-01")])


def test_an_argument_that_means_one_thing_is_there_once() -> None:
    with pytest.raises(BadRequest):
        parse([("q", "a"), ("q", "b")])
    with pytest.raises(BadRequest):
        parse([("q", ""), ("q", "b")])
    with pytest.raises(BadRequest):
        parse([("tag", str(number)) for number in range(17)])


def test_a_folder_is_in_its_namespace() -> None:
    with pytest.raises(BadRequest):
        parse([("namespace", "DEV"), ("folder", "/DEVELOP/shop")])


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_as_it_was_written(value: int, tie: int) -> None:
    cursor = Cursor(value, tie)
    assert Cursor.from_text(cursor.to_text(), int) == cursor
    named = Cursor("/DEV/cat.webp", tie)
    assert Cursor.from_text(named.to_text(), str) == named


@given(st.lists(st.tuples(st.sampled_from(ARGUMENTS), st.text(max_size=40))))
def test_any_arguments_are_a_query_or_a_bad_request(given_text: list[tuple[str, str]]) -> None:
    with suppress(BadRequest):
        assert isinstance(parse(given_text), Query)


DESCRIBED = {parameter["name"]: parameter["schema"] for parameter in search_parameters()}


def test_every_argument_is_described() -> None:
    assert tuple(DESCRIBED) == ARGUMENTS


@pytest.mark.parametrize("name", ["namespace", "folder", "color", "signature"])
@given(data=st.data())
def test_a_text_of_the_described_pattern_is_accepted(name: str, data: st.DataObject) -> None:
    described = st.from_regex(DESCRIBED[name]["pattern"].removesuffix("$") + r"\Z")
    parse([(name, data.draw(described.filter(lambda text: len(text) <= DESCRIBED[name].get("maxLength", TEXT_MAX))))])


@given(st.lists(st.sampled_from(["", *FACETS]), max_size=20).map(",".join))
def test_lists_of_facets_are_described(text: str) -> None:
    assert re.fullmatch(DESCRIBED["facets"]["pattern"], text)
    parse([("facets", text)])


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, schema in DESCRIBED.items() for value in schema.get("items", schema).get("enum", ())],
)
def test_a_described_choice_is_accepted(name: str, value: str) -> None:
    parse([(name, value), ("expires_after", "2026-01-01"), ("visible_after", "2026-01-01")])


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_cursors_are_described(value: int, tie: int) -> None:
    assert re.fullmatch(DESCRIBED["cursor"]["pattern"], Cursor(value, tie).to_text())
