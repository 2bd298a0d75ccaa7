from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from services.catalog.listing import LIMIT_MAX, Query
from services.core.errors import BadRequest
from tests.unit.conftest import MakeEntry


def query(text: str) -> Query:
    return Query.parse(QueryParams(text))


def test_without_arguments_everything_is_asked_for() -> None:
    assert query("") == query("limit=&cursor=&filterByKey=") == Query(key=None, value="", limit=None, after=0)


def test_a_page_and_a_filter_are_read() -> None:
    assert query("filterByKey=namespace&filterByValue=DEV&limit=20&cursor=17") == Query("namespace", "DEV", 20, 17)
    assert query("limit=20&cursor=17.1764066000000-3") == Query(None, "", 20, 17, "1764066000000-3")


def test_the_first_of_several_counts_as_at_the_edge() -> None:
    assert query("limit=2&limit=3&cursor=4&cursor=") == Query(key=None, value="", limit=2, after=4)


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "ten", "²", "1e3", " 1", str(LIMIT_MAX + 1)])
def test_what_is_no_page_size_is_refused(limit: str) -> None:
    with pytest.raises(BadRequest, match="is not a page size"):
        Query.parse(QueryParams({"limit": limit}))


@pytest.mark.parametrize("cursor", ["-1", "1.5", "1.", ".0", "1.0-", "1.x", "1.0-0\n", "next", "9" * 16, "²", "1 2"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match=r"^cursor .* is none\."):
        Query.parse(QueryParams({"cursor": cursor}))


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("namespace", "DEV", True),
        ("namespace", "dev", False),
        ("namespace", "DE", False),
        ("expired", "false", True),
        ("expired", "False", False),
        ("expiration_date", "null", True),
        ("size", "1234", True),
        ("external_id", "7", True),
        ("information", "été à voir", True),
        ("no_such_field", "x", False),
    ],
)
def test_a_filter_compares_with_what_the_entry_says_in_json(
    make_entry: MakeEntry, key: str, value: str, taken: bool
) -> None:
    entry = make_entry(external_id="7", information="été à voir")
    assert Query(key, value, None, 0).takes(entry.to_json()) is taken


@given(value=st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none())
def test_a_filter_finds_every_value_by_its_text(value: Any) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    assert Query("field", text, None, 0).takes(orjson.dumps({"field": value}))


@given(
    key=st.none() | st.text(min_size=1),
    value=st.text(),
    limit=st.none() | st.integers(1, LIMIT_MAX),
    after=st.integers(0, 10**14),
    generation=st.from_regex(r"0|[0-9]{1,15}-[0-9]{1,15}", fullmatch=True, alphabet="0123456789-"),
)
def test_the_address_of_the_next_page_asks_for_the_same_list(
    key: str | None, value: str, limit: int | None, after: int, generation: str
) -> None:
    asked = Query(key, value if key else "", limit, 0)
    path, _, text = asked.next_url("/prefix/catalog", f"{after}.{generation}").partition("?")
    assert path == "/prefix/catalog"
    assert query(text) == Query(key, asked.value, limit, after, generation)
