from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import descriptions, entries
from services.core.assets.descriptions import META_BYTES, META_DEPTH, TAG_LENGTH, TAGS_MAX
from services.core.errors import BadRequest
from services.core.state import entry_json
from tests.support.entries import MakeEntry, made_entry


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (["summer", " beach "], ["summer", "beach"]),
        ("summer, beach ,", ["summer", "beach"]),
        ('["red, white", "blue"]', ["red, white", "blue"]),
        ("draft [1]", ["draft [1]"]),
        ("[sale], new", ["[sale]", "new"]),
        (["b", "a", "b", "", " "], ["b", "a"]),
        (None, []),
        (" ", []),
        ("null", []),
        ([], []),
        ("[]", []),
        (",", []),
    ],
)
def test_tags_are_a_list_or_comma_separated_and_each_is_kept_once(value: object, tags: list[str]) -> None:
    assert entries.parse_fields({"tags": value}) == {"tags": tags}


@pytest.mark.parametrize("value", [1, True, {}, {"a": 1}, [1], ["a", None], [["a"]], '["a", 1]'])
def test_what_is_no_list_of_texts_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="tags is not a list of texts"):
        entries.parse_fields({"tags": value})


@pytest.mark.parametrize(
    ("value", "meta"),
    [
        ({"shop": 4711, "a": [None, {"b": 1.5}]}, {"shop": 4711, "a": [None, {"b": 1.5}]}),
        (' {"shop": 4711}', {"shop": 4711}),
        (None, {}),
        ("", {}),
        ("null", {}),
        ({}, {}),
        ("{}", {}),
    ],
)
def test_meta_is_an_object_or_one_as_json(value: object, meta: dict[str, Any]) -> None:
    assert entries.parse_fields({"meta": value}) == {"meta": meta}


NO_OBJECTS = [1, True, [], [1], "x", "[]", "{", '{"a": 1']
NOT_TO_BE_WRITTEN = ['{"a": "\\ud800"}', '{"a": NaN}', '{"a": 1e999}', '{"a": 18446744073709551616}']


@pytest.mark.parametrize(
    "value", [*NO_OBJECTS, *NOT_TO_BE_WRITTEN, pytest.param('{"a":' * 9000 + "1" + "}" * 9000, id="deep")]
)
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="meta is not a JSON object"):
        entries.parse_fields({"meta": value})


def test_meta_is_not_nested_deeper_than_it_can_be_read() -> None:
    entries.check_sizes(entries.parse_fields({"meta": nested(META_DEPTH - 1)}))
    for levels in (META_DEPTH, 900):
        for value in (nested(levels), orjson.dumps(nested(min(levels, 200))).decode()):
            with pytest.raises(BadRequest, match=f"meta is nested more than {META_DEPTH} deep"):
                entries.check_sizes(entries.parse_fields({"meta": value}))


@pytest.mark.parametrize(
    ("fits", "too_large", "said"),
    [
        (
            {"tags": [str(at) for at in range(TAGS_MAX)]},
            {"tags": [str(at) for at in range(TAGS_MAX + 1)]},
            f"tags has {TAGS_MAX + 1} tags, and may have {TAGS_MAX}",
        ),
        ({"meta": nested(META_DEPTH - 1)}, {"meta": nested(META_DEPTH)}, f"nested more than {META_DEPTH} deep"),
        ({"tags": ["é" * TAG_LENGTH]}, {"tags": ["é" * (TAG_LENGTH + 1)]}, f"has {TAG_LENGTH + 1} characters"),
        (
            {"meta": {"a": "x" * (META_BYTES - 8)}},
            {"meta": {"a": "x" * (META_BYTES - 7)}},
            f"meta has {META_BYTES + 1} bytes as JSON",
        ),
    ],
)
def test_tags_and_meta_are_bounded_but_what_an_entry_has_already_may_be_sent_back(
    fits: dict[str, Any], too_large: dict[str, Any], said: str
) -> None:
    entries.check_sizes(fits)
    entries.with_fields(made_entry(), fits, 0)
    for check in (
        lambda: entries.check_sizes(too_large),
        lambda: entries.with_fields(made_entry(), too_large, 0),
    ):
        with pytest.raises(BadRequest, match=said):
            check()
    assert entries.with_fields(made_entry(**too_large), {**too_large, "alt": "new"}, 0).alt == "new"


def test_an_entry_that_was_stored_before_them_has_none(make_entry: MakeEntry) -> None:
    described = make_entry(title="Cat", alt="A cat", caption="c", credit="p", tags=["a"], meta={"b": 1})
    stored = orjson.loads(entry_json.write(described))
    for name in descriptions.FIELDS:
        del stored[name]
    older = entry_json.read(orjson.dumps(stored))
    assert [getattr(older, name) for name in descriptions.FIELDS] == [None, None, None, None, [], {}]


def test_what_another_service_had_in_fields_of_these_names_is_read_for_what_it_means(make_entry: MakeEntry) -> None:
    before = make_entry()
    stored = orjson.loads(entry_json.write(before))
    theirs = {"title": 5, "alt": None, "caption": ["x"], "tags": "a, b", "meta": "m", "colour": "red"}
    entry = entry_json.read(orjson.dumps({**stored, **theirs}))
    assert (entry.title, entry.alt, entry.caption, entry.tags) == ("5", None, '["x"]', ["a", "b"])
    assert (entry.meta, entry.more) == ({"meta": "m"}, {"colour": "red"})
    assert entry_json.read(orjson.dumps({**stored, "tags": [1, "a", None]})).tags == ["1", "a"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
)


@given(st.dictionaries(st.sampled_from(descriptions.FIELDS), VALUES))
def test_whatever_another_service_had_there_can_be_read_and_is_then_as_this_one_writes_it(
    theirs: dict[str, Any],
) -> None:
    found = descriptions.read(theirs)
    assert descriptions.are_typed(found)
    assert descriptions.read(found) == found


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_stored_description_is_what_was_said(text: str, tags: list[str]) -> None:
    entry = made_entry(title=text, alt=text, caption=text, credit=text, tags=tags)
    assert entry_json.read(entry_json.write(entry)) == entry
