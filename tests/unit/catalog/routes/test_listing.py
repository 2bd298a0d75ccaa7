from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from services.catalog.bodies import ENTRY_FIELDS
from services.catalog.routes import listing
from services.catalog.routes.listing import (
    FILTER_KEY_MAX,
    FILTER_VALUE_MAX,
    LIMIT_MAX,
    WHOLE,
    Query,
    _check_key,
    one_page,
)
from services.core.assets.addresses import Addresses
from services.core.errors import BadRequest
from services.core.state import entry_json
from services.core.state.entries import Page
from tests.support.entries import MakeEntry

HERE = Addresses("/assets/media")
UUID = "4ff11851-e0a7-4c55-9a53-d0e1c2b3a495"


def query(text: str) -> Query:
    return Query.parse(QueryParams(text))


def test_without_arguments_everything_is_asked_for() -> None:
    assert query("") == query("limit=&cursor=&filterByKey=") == Query(key=None, value="", limit=None, after=0)


def test_a_page_and_a_filter_are_read() -> None:
    assert query("filterByKey=namespace&filterByValue=DEV&limit=20&cursor=17") == Query("namespace", "DEV", 20, 17)
    assert query("limit=20&cursor=17.1764066000000001") == Query(None, "", 20, 17, "1764066000000001")


def test_a_cursor_of_the_version_before_is_taken() -> None:
    assert query("cursor=17.1764066000000-3") == Query(None, "", None, 17, "1764066000000-3")
    assert query("cursor=17.0") == Query(None, "", None, 17, "0")


def test_the_first_of_several_counts_as_at_the_edge() -> None:
    assert query("limit=2&limit=3&cursor=4&cursor=") == Query(key=None, value="", limit=2, after=4)


@pytest.mark.parametrize(
    "text", ["utm_source=mail", "a=1&b=2&limit=", "filterbykey=size", "filterByValue=", "x=" + "A" * 8000]
)
def test_arguments_that_are_not_known_and_those_without_a_value_change_nothing(text: str) -> None:
    assert query(text) == WHOLE


def test_a_value_without_a_field_is_refused() -> None:
    for text in ("filterByValue=DEV", "filterByKey=&filterByValue=DEV", f"filterByValue={'A' * 8190}"):
        with pytest.raises(BadRequest, match="filterByValue needs filterByKey") as refused:
            query(text)
        assert refused.value.status == 400


@pytest.mark.parametrize(("name", "most"), [("filterByKey", FILTER_KEY_MAX), ("filterByValue", FILTER_VALUE_MAX)])
def test_a_filter_that_is_too_long_is_refused(name: str, most: int) -> None:
    given = {"filterByKey": "information", "filterByValue": "x"}
    assert Query.parse(QueryParams({**given, name: "é" * most})).key
    with pytest.raises(BadRequest, match=f"^{name} has {most + 1} characters") as refused:
        Query.parse(QueryParams({**given, name: "é" * (most + 1)}))
    assert (refused.value.status, refused.value.hint) == (400, f"Send {most} at most.")


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "ten", "²", "1e3", " 1", str(LIMIT_MAX + 1)])
def test_what_is_no_page_size_is_refused(limit: str) -> None:
    with pytest.raises(BadRequest, match="limit must be an integer from 1 to"):
        Query.parse(QueryParams({"limit": limit}))


@pytest.mark.parametrize(
    "cursor", ["-1", "1.5.5", "1.", ".0", "1.0-", "1.x", "1.0-0\n", "next", "9" * 16, "1." + "9" * 17, "²", "1 2"]
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match=r"is not a valid cursor\.$"):
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
        ("tags", "cat", True),
        ("tags", "ca", False),
        ("tags", '["cat","indoors"]', True),
        ("tags", '["cat"]', False),
        ("meta", '{"shop":{"id":7,"name":"A"}}', True),
        ("meta", "{}", False),
        ("no_such_field", "x", False),
        ("no_such_field", "null", True),
    ],
)
def test_a_filter_compares_with_what_the_entry_says_in_json(
    make_entry: MakeEntry, key: str, value: str, taken: bool
) -> None:
    entry = make_entry(
        external_id="7", information="été à voir", tags=["cat", "indoors"], meta={"shop": {"id": 7, "name": "A"}}
    )
    assert Query(key, value, None, 0).takes(entry_json.write(entry), HERE) is taken


@pytest.mark.parametrize("host", ["media.example.com", "médias.example.com"])
def test_a_filter_by_an_address_compares_with_the_one_of_the_settings(make_entry: MakeEntry, host: str) -> None:
    entry, here = make_entry(), Addresses(f"https://{host}/assets/media")
    for key, value in here.of(entry.unique_name).items():
        assert Query(key, value, None, 0).takes(entry_json.write(entry), here), key
        assert not Query(key, f"{value}x", None, 0).takes(entry_json.write(entry), here), key


@pytest.mark.parametrize("stored", [UUID, UUID.upper(), UUID.replace("-", ""), UUID.replace("-", "").upper()])
@pytest.mark.parametrize("asked", [UUID, UUID.replace("-", "").upper()])
def test_a_filter_by_uuid_takes_any_spelling_of_both(make_entry: MakeEntry, stored: str, asked: str) -> None:
    assert Query("uuid", asked, None, 0).takes(entry_json.write(make_entry(uuid=stored)), HERE)
    other = make_entry(uuid=UUID.replace("e", "f"), information=UUID)
    assert not Query("uuid", asked, None, 0).takes(entry_json.write(other), HERE)


def test_an_entry_without_the_uuid_that_is_asked_for_is_not_parsed() -> None:
    assert not Query("uuid", UUID, None, 0).takes(b"no JSON", HERE)


@given(value=st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none())
def test_a_filter_finds_every_value_by_its_text(value: Any) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    assert Query("field", text, None, 0).takes(orjson.dumps({"field": value}), HERE)


@given(
    key=st.none() | st.text(min_size=1, max_size=FILTER_KEY_MAX),
    value=st.text(max_size=FILTER_VALUE_MAX),
    limit=st.none() | st.integers(1, LIMIT_MAX),
    after=st.integers(0, 10**14),
    epoch=st.from_regex(r"[0-9]{1,16}(-[0-9]{1,15})?", fullmatch=True, alphabet="0123456789-"),
)
def test_the_address_of_the_next_page_asks_for_the_same_list(
    key: str | None, value: str, limit: int | None, after: int, epoch: str
) -> None:
    asked = Query(key, value if key else "", limit, 0)
    path, _, text = asked.next_url("/prefix/catalog", f"{after}.{epoch}").partition("?")
    assert path == "/prefix/catalog"
    assert query(text) == Query(key, asked.value, limit, after, epoch)


class Numbered:
    """A catalog of entries with the creation numbers 1, 2, 3…, that counts what is read of it."""

    def __init__(self, values: list[str]) -> None:
        numbered = enumerate(values, 1)
        newest: dict[str, Any] = {"visible_from": None, "tags": [], "meta": {}}
        self.raws = [orjson.dumps({"at": at, "kind": value, **newest}) for at, value in numbered]
        self.read = 0

    async def page(self, after: int, count: int, epoch: str = "", last: int | None = None) -> Page:
        raws = self.raws[after : min(after + count, last or len(self.raws))]
        self.read += len(raws)
        return Page(epoch or "7", len(self.raws), after + len(raws) if raws else None, raws)


async def pages(catalog: Numbered, text: str, limit: int) -> list[list[bytes]]:
    found, cursor = [], ""
    while True:
        page, more = await one_page(catalog, query(f"{text}&cursor={cursor}"), limit, HERE)  # type: ignore[arg-type]
        found.append(page)
        if more is None:
            return found
        cursor = more


@given(
    st.lists(st.sampled_from("ab"), max_size=60),
    st.integers(1, 9),
    st.sampled_from(["", "filterByKey=kind&filterByValue=b"]),
)
async def test_pages_together_are_the_list(values: list[str], limit: int, text: str) -> None:
    catalog = Numbered(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "PAGE", 7)
        patch.setattr(listing, "EXAMINED_MAX", 20)
        found = await pages(catalog, text, limit)
    assert [raw for page in found for raw in page] == [raw for raw in catalog.raws if query(text).takes(raw, HERE)]
    assert all(len(page) <= limit for page in found)


async def test_a_page_of_a_filter_that_matches_nothing_ends_and_says_go_on() -> None:
    catalog = Numbered(["a"] * 3 * listing.EXAMINED_MAX)
    asked = query("filterByKey=kind&filterByValue=b")
    page, cursor = await one_page(catalog, asked, 1, HERE)  # type: ignore[arg-type]
    assert (page, cursor) == ([], f"{listing.EXAMINED_MAX}.7")
    assert catalog.read == listing.EXAMINED_MAX


class Scanned:
    """A catalog that is read from its begin, a page at a time."""

    def __init__(self, *pages: list[bytes]) -> None:
        self.pages, self.read = pages, 0

    async def scan(self, after: int, epoch: str) -> AsyncIterator[list[bytes]]:
        for page in self.pages:
            self.read += 1
            self.asked = (after, epoch)
            yield page


async def test_a_filter_by_a_field_that_nothing_has_is_refused() -> None:
    theirs = orjson.dumps({"project": 1, "meta": {"client": 1}})
    catalog = Scanned([b"{}"], [theirs], [b"{}"])
    await _check_key(catalog, query("filterByKey=project&filterByValue=2"))  # type: ignore[arg-type]
    assert (catalog.read, catalog.asked) == (2, (0, ""))
    await _check_key(catalog, query("filterByKey=project&cursor=17.3"))  # type: ignore[arg-type]
    assert catalog.asked == (0, "3")
    for key, hint in (
        ("client", "Filter by one of: uuid, version,"),
        ("orignal_size", "Did you mean 'original_size'?"),
    ):
        with pytest.raises(BadRequest, match=f"^No entry has a field '{key}'") as refused:
            await _check_key(catalog, query(f"filterByKey={key}&filterByValue=null"))  # type: ignore[arg-type]
        assert str(refused.value.hint).startswith(hint)


@pytest.mark.parametrize("key", ["", *ENTRY_FIELDS])
async def test_a_filter_by_a_field_of_this_service_needs_no_look_at_entries(key: str) -> None:
    catalog = Scanned([b"{}"])
    await _check_key(catalog, query(f"filterByKey={key}"))  # type: ignore[arg-type]
    assert catalog.read == 0


@pytest.mark.parametrize("value", ['a"b', "a\\b", "é", "\u2028", "a\nb", "true", "12", "1.5", "null", "", "/DEV"])
def test_a_filter_finds_what_is_written_in_json(value: str) -> None:
    kinds: list[object] = [value, {"true": True, "12": 12, "1.5": 1.5, "null": None}.get(value, value)]
    for kind in kinds:
        assert Query("kind", value, None, 0).takes(orjson.dumps({"kind": kind, "other": "x"}), HERE)
    assert not Query("kind", value, None, 0).takes(orjson.dumps({"kind": "other", "other": value}), HERE)


@pytest.mark.parametrize("raw", [{"kind": None}, {"other": "x"}, {"other": None}, {}])
def test_a_field_that_an_entry_does_not_have_is_null_whatever_else_the_entry_has(raw: dict[str, None]) -> None:
    assert Query("kind", "null", None, 0).takes(orjson.dumps(raw), HERE)
    assert not Query("kind", "", None, 0).takes(orjson.dumps(raw), HERE)


def test_a_null_in_another_field_or_in_a_text_is_no_match() -> None:
    raw = orjson.dumps({"kind": "not null", "other": None})
    assert not Query("kind", "null", None, 0).takes(raw, HERE)
    assert Query("kind", "not null", None, 0).takes(raw, HERE)
