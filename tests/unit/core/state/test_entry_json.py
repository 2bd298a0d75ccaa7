from typing import Any

import orjson
import pytest

from services.core.assets.addresses import Addresses
from services.core.state import entry_json
from tests.support.entries import MakeEntry

HERE = Addresses("https://media.example.com/assets/media")
DESCRIBED = ("visible_from", "title", "alt", "caption", "credit", "tags", "meta")
BY_VERSION = {
    "before descriptions": DESCRIBED,
    "before facts": ("width", "height", "blurhash", "dominant_color", "content_date", *DESCRIBED),
    "the first": ("focus_x", "focus_y", "width", "height", "blurhash", "dominant_color", "content_date", *DESCRIBED),
}


def without(raw: bytes, *names: str, **theirs: Any) -> bytes:
    stored = orjson.loads(raw)
    return orjson.dumps({name: value for name, value in stored.items() if name not in names} | theirs)


@pytest.mark.parametrize("absent", BY_VERSION.values(), ids=BY_VERSION)
@pytest.mark.parametrize("of_older_service", [False, True])
def test_an_entry_of_a_version_before_is_shown_with_all_fields(
    make_entry: MakeEntry, absent: tuple[str, ...], of_older_service: bool
) -> None:
    theirs = {"original_version": 2, "project": {"id": 7}} if of_older_service else {}
    raw = without(entry_json.write(make_entry()), *absent, **theirs)
    shown = orjson.loads(HERE.fill(entry_json.with_all_fields(raw)))
    assert shown == entry_json.shown(entry_json.read(raw), HERE)
    assert shown.keys() == {*entry_json.shown(make_entry(), HERE), *theirs}


def test_what_the_older_service_had_under_these_names_is_shown_for_what_it_means(make_entry: MakeEntry) -> None:
    raw = without(entry_json.write(make_entry()), *DESCRIBED, tags="a, b", title=5)
    shown = orjson.loads(entry_json.with_all_fields(raw))
    assert (shown["tags"], shown["title"], shown["meta"]) == (["a", "b"], "5", {})


@pytest.mark.parametrize(
    "theirs",
    [
        {"note": 1, "visible_from": "2020-01-01T00:00:00Z"},
        {"visible_from": "soon"},
        {"project": {"id": 7, "visible_from": None}},
        {"visible_from": None, "tags": ["a"]},
        {"visible_from": None, "meta": {"a": 1}},
    ],
)
def test_a_date_of_the_older_service_does_not_hide_the_fields_that_lack(
    make_entry: MakeEntry, theirs: dict[str, Any]
) -> None:
    raw = without(entry_json.write(make_entry()), *DESCRIBED, **theirs)
    shown = orjson.loads(HERE.fill(entry_json.with_all_fields(raw)))
    assert shown == entry_json.shown(entry_json.read(raw), HERE)
    assert {*DESCRIBED} <= shown.keys()


def test_an_entry_of_this_version_is_shown_as_it_is_stored(make_entry: MakeEntry) -> None:
    raw = entry_json.write(make_entry(title="Cat", meta={"visible_from": None}))
    assert entry_json.with_all_fields(raw) is raw
