"""More of it is in tests/integration/test_dumps.py, where whole dumps are restored."""

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets.addresses import ADDRESSES
from services.core.assets.entries import Entry
from services.core.state import entry_json
from services.jobs.dumps import validation
from services.jobs.dumps.validation import LeftOut, Tally
from tests.support.catalogs import an_entry, many

PICTURE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("focus_x", "focus_y"), (int, float, type(None))),
    **dict.fromkeys(("width", "height"), (int, type(None))),
    **dict.fromkeys(("blurhash", "dominant_color"), (str, type(None))),
}
OPTIONAL_TEXTS = (
    *("external_id", "information", "expiration_date", "content_date", "visible_from"),
    *("title", "alt", "caption", "credit"),
    *("original_signature", "stored_mimetype"),
)
KNOWN_PICTURE: dict[str, Any] = {
    "focus_x": 0.25,
    "focus_y": 1.0,
    "width": 640,
    "height": 427,
    "blurhash": "LGF5?xYk^6#M@-5c,1J5@[or[Q6.",
    "dominant_color": "#a1b2c3",
}


def test_every_entry_of_this_service_comes_out_as_it_went_in() -> None:
    tally = Tally()
    entries = many(300)
    found = tally.take([orjson.loads(entry_json.write(entry)) for entry in entries])
    assert [entry_json.write(entry) for entry in found] == [entry_json.write(entry) for entry in entries]
    assert (tally.entries, tally.completed, tally.renamed, tally.left_out_count) == (300, 0, 0, 0)


def test_the_order_of_fields_does_not_matter_and_fields_that_others_know_stay() -> None:
    entry = an_entry()
    value = dict(reversed(entry.fields.items())) | {"colour": "red", "more": {"unique_name": [1, None]}}
    [found] = Tally().take([value])
    assert found == replace(entry, more={"colour": "red", "more": {"unique_name": [1, None]}})
    assert entry_json.read(entry_json.write(found)) == found
    assert Tally().take([orjson.loads(entry_json.write(found))]) == [found]


def test_a_picture_that_is_known_stays_so_and_one_that_is_not_is_unknown() -> None:
    known = an_entry(**KNOWN_PICTURE)
    assert Tally().take([known.fields]) == [known]
    unknown = an_entry()
    before = {name: value for name, value in unknown.fields.items() if name not in KNOWN_PICTURE}
    tally = Tally()
    assert tally.take([before]) == [unknown]
    assert tally.completed == 0


def test_what_the_older_service_knew_of_the_uploaded_file_stays() -> None:
    known = an_entry(original_signature="5e" * 32, original_version=2)
    assert Tally().take([known.fields]) == [known]
    assert Tally().take([orjson.loads(entry_json.write(known))]) == [known]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("original_signature", "5e"), ("original_signature", 5), ("original_version", 0), ("original_version", "x")],
)
def test_what_it_can_not_have_known_is_a_problem(name: str, wrong: object) -> None:
    tally = Tally()
    assert tally.take([{**an_entry().fields, name: wrong}]) == []
    assert name in tally.summary()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"focus_x": None}, "focus_x and focus_y must be given together"),
        ({"height": None}, "width and height must be given together"),
        ({"focus_x": 1.01}, "focus_x must not be 1.01"),
        ({"focus_y": float("nan")}, "focus_y must not be nan"),
        ({"focus_y": True}, "focus_y must not be True"),
        ({"width": 0}, "width must not be 0"),
        ({"width": 640.0}, "width must not be 640.0"),
        ({"blurhash": "<script>"}, "blurhash must not be '<script>'"),
        ({"dominant_color": "red"}, "dominant_color must not be 'red'"),
    ],
)
def test_what_cannot_be_said_of_a_picture_is_a_problem(wrong: dict[str, Any], problem: str) -> None:
    tally = Tally()
    assert tally.take([{**an_entry(**KNOWN_PICTURE).fields, **wrong}]) == []
    assert tally.summary().startswith("entry 1 (")
    assert tally.summary().endswith(f"): {problem}")


@pytest.mark.parametrize(
    "address", ["", "/assets/media", "http://localhost:8080/a", "javascript:alert(1)", None, 7, ["x"]]
)
def test_what_a_dump_shows_as_addresses_counts_for_nothing(address: object) -> None:
    """They are made from the settings: no page can be made to link to a program."""
    entry = an_entry()
    assert Tally().take([{**entry.fields, **dict.fromkeys(ADDRESSES, address)}]) == [entry]


@pytest.mark.parametrize("name", [field.name for field in fields(Entry)])
@given(wrong=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers()))
def test_whatever_stands_in_a_field_the_entry_is_right_or_refused(name: str, wrong: Any) -> None:
    tally = Tally()
    for entry in tally.take([{**an_entry().fields, name: wrong}]):
        again = entry_json.read(entry_json.write(entry))
        assert again == entry
        for field in fields(Entry):
            expected = getattr(an_entry(), field.name)
            optional = field.name in OPTIONAL_TEXTS
            kinds: tuple[type, ...] = (str, type(None)) if optional else (type(expected),)
            kinds = {**PICTURE, "original_version": (int, type(None))}.get(field.name, kinds)
            assert type(getattr(entry, field.name)) in kinds
        assert (entry.uuid, entry.unique_name) == (an_entry().uuid, an_entry().unique_name)
        assert entry.is_visible(0) in (True, False)
    assert tally.left_out_count in (0, 1)


def test_what_cannot_be_restored_is_named_and_the_rest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    bad = {**an_entry().fields, "size": -1}
    good = an_entry("a")
    assert tally.take([good.fields, bad]) == [good]
    assert len(tally.take([an_entry("b").fields])) == 1
    for number in range(10):
        tally.take([{**bad, "unique_name": f"/DEV/cat{number}.webp"}])
    tally.take([7, {"uuid": 7, "unique_name": "x" * 1000}])
    assert (tally.entries, tally.restorable, tally.left_out_count) == (15, 2, 13)
    assert tally.left_out[0] == LeftOut(2, an_entry().uuid, "/DEV/cat.webp", "size must not be -1")
    assert str(tally.left_out[0]) == f"entry 2 (/DEV/cat.webp {an_entry().uuid}): size must not be -1"
    assert str(tally.left_out[-2]) == "entry 14: expected a JSON object, not int"
    assert tally.left_out[-1].unique_name == "x" * 200
    assert all(f"/DEV/cat{number}.webp" in tally.summary() for number in range(10)), "all of them"
    monkeypatch.setattr(validation, "NAMED_MAX", 13)
    tally.take([bad, bad])
    assert tally.summary().endswith("; and 2 more")


def test_a_path_that_is_there_in_two_batches_is_there_twice() -> None:
    tally = Tally()
    tally.take([an_entry().fields])
    other = replace(an_entry(), uuid="e080a953-5300-427b-bd39-6e235d8238a2")
    tally.take([other.fields])
    assert tally.summary().endswith("/DEV/cat.webp occurs twice")
    assert tally.summary().startswith("entry 2 (")


@pytest.mark.parametrize("uuid", ["e080a95353004277b9396e235d8238a2", "E080A953-5300-4277-B939-6E235D8238A2"])
def test_a_uuid_stays_letter_by_letter(uuid: str) -> None:
    tally = Tally()
    [found] = tally.take([{**an_entry().fields, "uuid": uuid}])
    assert (found.uuid, tally.renamed) == (uuid, 0)


def test_of_entries_with_one_uuid_in_any_spelling_the_first_keeps_it() -> None:
    tally = Tally()
    uuid = "e080a953-5300-4277-b939-6e235d8238a2"
    spelled = [uuid, uuid.replace("-", ""), uuid.upper()]
    given = [replace(an_entry(base), uuid=text) for base, text in zip(("cat", "dog", "fox"), spelled, strict=True)]
    found = tally.take([entry.fields for entry in given])
    assert [entry.uuid for entry in found] == [uuid, an_entry("dog").uuid, an_entry("fox").uuid]
    assert (tally.renamed, tally.left_out_count) == (2, 0)


@pytest.mark.parametrize(
    "uuid", ["", "1", "{e080a953-5300-4277-b939-6e235d8238a2}", "e080a953-53004277b9396e235d8238a2"]
)
def test_what_is_not_a_uuid_is_a_problem(uuid: str) -> None:
    tally = Tally()
    assert tally.take([{**an_entry().fields, "uuid": uuid}]) == []
    assert tally.summary().endswith(f": uuid must not be {uuid!r}")


@pytest.mark.parametrize("own", [an_entry().uuid, an_entry().key], ids=["shown by it", "its entry key"])
@pytest.mark.parametrize("owner_is_first", [True, False])
def test_the_uuid_of_a_path_is_that_of_its_entry_whatever_the_order(own: str, owner_is_first: bool) -> None:
    owner, other = an_entry(), replace(an_entry("dog"), uuid=own.upper())
    tally = Tally()
    for entry in (owner, other) if owner_is_first else (other, owner):
        tally.take([entry.fields])
    assert tally.outdone() == [other.key]
    assert (tally.renamed, tally.left_out_count) == (1, 0)


def test_without_an_entry_of_that_path_a_uuid_stays_with_the_one_that_shows_it() -> None:
    tally = Tally()
    [found] = tally.take([{**an_entry("dog").fields, "uuid": an_entry().uuid}])
    assert (found.uuid, tally.outdone(), tally.renamed) == (an_entry().uuid, [], 0)
