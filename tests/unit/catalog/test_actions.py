"""What a client asks for with many entries."""

from typing import Any

import pytest

from services.catalog.actions import UUIDS_MAX, of_arguments, of_body
from services.catalog.search.query import ARGUMENTS, parse
from services.core.assets import identity
from services.core.errors import BadRequest

UUID = identity.asset_uuid("/DEV/cat.webp")


def test_an_address_has_the_search_and_what_belongs_to_the_action() -> None:
    given = [("tag", "a"), ("tag", "b"), ("q", "cat"), ("dry_run", "yes"), ("confirm", "7")]
    asked = of_arguments("delete", given, {})
    assert asked.query == parse([("tag", "a"), ("tag", "b"), ("q", "cat")])
    assert asked.search == {"tag": ["a", "b"], "q": ["cat"]}
    assert (asked.action, asked.confirmed, asked.dry_run, asked.uuids) == ("delete", 7, True, ())


def test_a_body_means_the_same_as_an_address() -> None:
    search = {"tag": ["a", "b"], "q": "cat", "min_width": 7.0, "expired": False, "recursive": True, "folder": "/DEV"}
    asked = of_body({"action": "change", "search": search, "fields": {"add_tags": ["c"]}, "confirm": 0})
    flat = [("tag", "a"), ("tag", "b"), ("q", "cat"), ("min_width", "7"), ("expired", "false"), ("folder", "/DEV")]
    assert asked.query == parse([*flat, ("recursive", "true")])
    assert (asked.search, asked.fields, asked.confirmed, asked.dry_run) == (search, {"add_tags": ["c"]}, 0, False)


def test_uuids_are_taken_in_any_spelling_and_each_once() -> None:
    asked = of_body({"action": "delete", "uuids": [UUID, UUID.upper(), UUID.replace("-", "")], "dry_run": True})
    assert (asked.uuids, asked.query, asked.dry_run) == ((UUID,), None, True)


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"recursive": True},
        {"tag": []},
        {"tag": ""},
        {"tag": " "},
        {"tag": None},
        {"tag": [["a"]]},
        {"tag": {"a": 1}},
        {"tag": 1.5},
        {"q": ["a", "b"]},
        {"min_width": -1},
        {"min_width": 10**400},
        {"min_width": 1.5},
        {"min_width": float("inf")},
        {"min_width": "7"},
        {"min_width": [7]},
        {"expired": "yes"},
        {"tag": True},
        {"tag": 7},
        {"colour": "red"},
        {"x" * 1000: "a"},
        *({name: "1"} for name in ARGUMENTS if name in ("facets", "sort", "limit", "cursor")),
        "q=cat",
        [],
        None,
    ],
)
def test_a_search_that_says_nothing_or_something_unknown_is_refused(search: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        of_body({"action": "delete", "search": search})
    assert refused.value.hint
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"action": "delete"},
        {"action": "empty", "search": {"q": "a"}},
        {"action": ["delete"], "search": {"q": "a"}},
        {"action": "delete", "search": {"q": "a"}, "uuids": [UUID]},
        {"action": "delete", "search": {"q": "a"}, "fields": {"caption": "a"}},
        {"action": "delete", "search": {"q": "a"}, "limit": 5},
        {"action": "delete", "search": {"q": "a"}, "dry_run": "yes"},
        {"action": "delete", "search": {"q": "a"}, "dry_run": 1},
        {"action": "delete", "search": {"q": "a"}, "confirm": "7"},
        {"action": "delete", "search": {"q": "a"}, "confirm": True},
        {"action": "delete", "search": {"q": "a"}, "confirm": -1},
        {"action": "change", "search": {"q": "a"}},
        {"action": "change", "search": {"q": "a"}, "fields": []},
        {"action": "change", "search": {"q": "a"}, "fields": {"focus_x": 1, "focus_y": 1}},
        {"action": "delete", "uuids": []},
        {"action": "delete", "uuids": UUID},
        {"action": "delete", "uuids": [7]},
        {"action": "delete", "uuids": [UUID, "x" * 1000]},
        {"action": "delete", "uuids": [UUID] * (UUIDS_MAX + 1)},
    ],
)
def test_an_action_that_is_not_clear_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        of_body(given)
    assert refused.value.hint
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("action", "confirmed", "count", "is_refused"),
    [
        ("delete", None, 100, False),
        ("delete", None, 101, True),
        ("delete", 101, 101, False),
        ("delete", 101, 100, True),
        ("delete", 5, 3, True),
        ("change", None, 50_000, False),
        ("change", 5, 3, True),
    ],
)
def test_a_large_deletion_and_a_wrong_number_have_to_be_confirmed(
    action: str, confirmed: int | None, count: int, is_refused: bool
) -> None:
    fields = {"fields": {"caption": "a"}} if action == "change" else {}
    asked = of_body({"action": action, "search": {"q": "a"}, "confirm": confirmed, **fields})
    if not is_refused:
        asked.check_confirmed(count)
        return
    with pytest.raises(BadRequest) as refused:
        asked.check_confirmed(count)
    assert f"confirm={count}" in str(refused.value.hint)
