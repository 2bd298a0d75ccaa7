"""What an action does with an entry."""

from dataclasses import replace
from typing import Any

import pytest

from services.core.assets.actions import CHANGES, FIELDS, Change
from services.core.assets.descriptions import TAGS_MAX
from services.core.assets.entries import FOCUS, SETTABLE
from services.core.errors import BadRequest
from tests.support.catalogs import an_entry

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ({"add_tags": ["b", "c"]}, ["a", "b", "c"]),
        ({"add_tags": "c, a"}, ["a", "b", "c"]),
        ({"remove_tags": ["a", "z"]}, ["b"]),
        ({"remove_tags": ["a"], "add_tags": ["a", "c"]}, ["b", "a", "c"]),
        ({"tags": ["x", "y"]}, ["x", "y"]),
        ({"tags": ["x", "y"], "remove_tags": ["y"], "add_tags": ["z"]}, ["x", "z"]),
        ({"tags": None}, []),
    ],
)
def test_tags_are_set_then_removed_then_added(given: dict[str, Any], tags: list[str]) -> None:
    entry = an_entry(tags=["a", "b"])
    assert Change.parse(given).applied(entry, NOW).tags == tags


def test_fields_are_set_as_by_a_single_change() -> None:
    entry = an_entry(caption="old", updated_date="2020-01-01T00:00:00.000+00:00")
    changed = Change.parse({"caption": "new", "expiration_date": "2099-01-31", "expired": "no"}).applied(entry, NOW)
    assert (changed.caption, changed.expiration_date) == ("new", "2099-01-31T00:00:00.000+00:00")
    assert changed.updated_date > entry.updated_date


def test_a_later_date_revives_what_only_its_date_had_expired() -> None:
    entry = an_entry(expired=True, expiration_date="2020-01-01T00:00:00.000+00:00")
    assert not Change.parse({"expiration_date": "2099-01-31"}).applied(entry, NOW).expired


def test_a_later_date_does_not_revive_what_is_expired_by_the_same_change() -> None:
    entry = an_entry(expired=True, expiration_date="2020-01-01T00:00:00.000+00:00")
    change = Change.parse({"expired": True, "expiration_date": "2099-01-31"})
    once = change.applied(entry, NOW)
    assert (once.expired, once.expiration_date) == (True, "2099-01-31T00:00:00.000+00:00")
    assert change.applied(once, NOW + 1) is once


@pytest.mark.parametrize(
    "given", [{"caption": "new"}, {"add_tags": ["b"]}, {"remove_tags": ["a"]}, {"meta": {"a": [1]}}, {"expired": True}]
)
def test_done_twice_it_leaves_the_same_entry(given: dict[str, Any]) -> None:
    change = Change.parse(given)
    once = change.applied(an_entry(tags=["a"]), NOW)
    assert change.applied(once, NOW + 1) is once


def test_an_entry_with_too_many_tags_is_refused_and_others_are_not() -> None:
    change = Change.parse({"add_tags": ["one more"]})
    full = an_entry(tags=[str(number) for number in range(TAGS_MAX)])
    with pytest.raises(BadRequest, match="65 tags"):
        change.applied(full, NOW)
    assert len(change.applied(replace(full, tags=full.tags[1:]), NOW).tags) == TAGS_MAX


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"add_tags": []},
        {"remove_tags": ""},
        {"focus_x": 0.5, "focus_y": 0.5},
        {"filename": "new"},
        {"Caption": "new"},
        {"x" * 1000: 1},
        {"tags": 7},
        {"add_tags": [7]},
        {"add_tags": ["x" * 129]},
        {"caption": "x" * 5000},
        {"expiration_date": "soon"},
        {"meta": [1]},
    ],
)
def test_what_cannot_be_done_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        Change.parse(given)
    assert refused.value.hint
    assert len(refused.value.message) < 300


def test_all_settable_fields_but_the_focal_point_can_be_set() -> None:
    assert {*FIELDS, *FOCUS} == set(SETTABLE)
    assert set(CHANGES) > set(FIELDS)
