"""The pure modules of the library, in a real browser: the address, geometry, drafts, copied texts, previews."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from services.jobs.describe.blurhash import encode
from tests.e2e.library.conftest import called


@pytest.mark.parametrize(
    ("query", "differs"),
    [
        ("", {}),
        ("?folder=%2FDEV%2Fshop&deep=0", {"folder": "/DEV/shop", "deep": False}),
        (
            "?q=gr%C3%BCn+%26+blau&sort=-size&tag=a%2Cb&tag=c",
            {"q": "grün & blau", "sort": "-size", "tags": ["a,b", "c"]},
        ),
        ("?layout=list&size=l&asset=4ff1", {"layout": "list", "size": "l", "asset": "4ff1"}),
        (
            "?type=image%2Fpng&orientation=square&color=red",
            {"types": ["image/png"], "orientation": "square", "color": "red"},
        ),
    ],
)
def test_a_view_is_what_its_address_says(modules: Page, query: str, differs: dict[str, Any]) -> None:
    view = called(modules, "address", "parse", query)
    start = called(modules, "address", "parse", "")
    assert view == {**start, **differs}
    again = called(modules, "address", "parse", called(modules, "address", "format", view))
    assert again == view


def test_what_an_address_may_not_say_is_as_if_it_were_not_there(modules: Page) -> None:
    start = called(modules, "address", "parse", "")
    assert called(modules, "address", "parse", "?sort=random&layout=3d&size=&color=%00&expired=maybe&x=1&tag=") == start
    assert called(modules, "address", "format", start) == ""


def test_a_folder_or_a_filter_leads_from_a_place_to_the_files(modules: Page) -> None:
    view = {**called(modules, "address", "parse", ""), "place": "somewhere", "at": "5"}
    for changes in ({"folder": "/DEV"}, {"tags": ["a"]}, {"q": "a"}):
        assert called(modules, "address", "changed", view, changes) == {**view, "place": "", "at": "", **changes}
    for changes in ({"asset": "4ff1"}, {"at": "6"}):
        assert called(modules, "address", "changed", view, changes) == {**view, **changes}
    assert called(modules, "address", "changed", view, {"place": "elsewhere"})["at"] == ""


@pytest.mark.parametrize("width", [300, 390, 700, 1024, 1440, 3840])
@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_columns_fill_the_width_and_rows_hold_all(modules: Page, width: int, size: str) -> None:
    count = 1001
    form = called(modules, "geometry", "arrange", {"width": width, "count": count, "layout": "grid", "size": size})
    cell = form["box"]["width"] + 20
    assert 0 <= width - (form["columns"] * (cell + 16) - 16) < form["columns"]
    assert form["height"] == -(-count // form["columns"]) * form["row"]
    rows = called(modules, "geometry", "seen", form, form["row"] * 10, 900)
    assert rows["first"] * form["row"] <= form["row"] * 10
    assert rows["last"] * form["row"] >= min(form["height"], form["row"] * 10 + 900)


@pytest.mark.parametrize(
    ("key", "at", "to"),
    [
        ("ArrowDown", 0, 4),
        ("ArrowUp", 1, 1),
        ("ArrowDown", 8, 8),
        ("End", 3, 9),
        ("Home", 9, 0),
        ("PageDown", 1, 9),
        ("ArrowLeft", 0, 0),
        ("ArrowRight", 9, 9),
        ("ArrowRight", -1, 0),
        ("a", 3, None),
    ],
)
def test_keys_lead_through_ten_entries_in_four_columns(modules: Page, key: str, at: int, to: int | None) -> None:
    assert called(modules, "geometry", "moved", key, at, 10, 4, 2) == to


def test_a_draft_goes_together_with_what_others_change(modules: Page) -> None:
    base = {"title": "a", "alt": "b", "credit": "c", "tags": "x\ny"}
    form = {**base, "title": "mine", "credit": "the same"}
    now = {**base, "title": "theirs", "alt": "theirs too", "credit": "the same"}
    found = called(modules, "later/draft", "rebased", base, form, now)
    assert (found["clashes"], found["followed"]) == (["title"], ["alt"])
    assert found["form"] == {**form, "alt": "theirs too"}
    assert called(modules, "later/draft", "changed", found["base"], found["form"]) == ["title"]
    for is_mine, title, left in ((True, "mine", ["title"]), (False, "theirs", [])):
        kept = called(modules, "later/draft", "decided", found, "title", "theirs", is_mine)
        assert kept["form"]["title"] == title
        assert called(modules, "later/draft", "changed", kept["base"], kept["form"]) == left


def test_two_focal_points_never_become_a_third(modules: Page) -> None:
    base = {"focus_x": "0.5", "focus_y": "0.5"}
    form, now = {**base, "focus_x": "0.25"}, {**base, "focus_y": "0.75"}
    found = called(modules, "later/draft", "rebased", base, form, now)
    assert (found["clashes"], found["form"]) == (["focus_x", "focus_y"], form)
    found = called(modules, "later/draft", "rebased", base, base, now)
    assert (found["clashes"], found["followed"], found["form"]) == ([], ["focus_y"], now)


def test_only_what_is_changed_is_sent(modules: Page) -> None:
    base = {
        "title": "a",
        "tags": "x",
        "expired": "",
        "focus_x": "0.5",
        "focus_y": "0.5",
        "expiration_date": "",
        "alt": "b",
    }
    form = {**base, "title": " ", "tags": "x\ny, z", "expired": "true", "focus_x": "0.25"}
    assert called(modules, "later/draft", "body", base, form) == {
        "title": None,
        "tags": ["x", "y, z"],
        "expired": True,
        "focus_x": 0.25,
        "focus_y": 0.5,
    }


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 40, 90)])
def test_a_blurhash_shows_the_picture_of_which_it_was_made(modules: Page, colour: tuple[int, int, int]) -> None:
    # One colour above the other: the waves have to show which of them is above.
    hashed = encode([[colour] * 16] * 8 + [[(128, 128, 128)] * 16] * 8)
    code = f"import('/blurhash.js').then((found) => [...found.decode({json.dumps(hashed)}, 4, 4)])"
    pixels = modules.evaluate(code)
    assert len(pixels) == 64
    assert pixels[:3] == pytest.approx(colour, abs=45)
    assert pixels[-4:] == pytest.approx((128, 128, 128, 255), abs=45)


def test_what_is_no_blurhash_shows_nothing(modules: Page) -> None:
    for text in ("", None, "LGF5", "LGF5?xYk^6#M@-5c,1J5@[or[Q6", "\u0000" * 28):
        assert called(modules, "blurhash", "decode", text, 4, 4) is None


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("/assets/media/optimise/50x0/DEV/pets/cat.webp", "optimise", "50x0 · webp"),
        (
            "/assets/media/optimise/thumb/DEV/cat.avif?dpr=2&accept=avif",
            "optimise",
            "thumb · dpr=2 · accept=avif · avif",
        ),
        ("/assets/media/original/DEV/cat.jpg", "original", ""),
        ("/assets/media/full/DEV/cat.webp", "full", ""),
        ("/catalog/73794c03-bc00-8d77-634f-de4d30fba566", "page", ""),
        ("/something/else", "page", ""),
    ],
)
def test_a_form_has_a_short_name(modules: Page, address: str, kind: str, words: str) -> None:
    assert called(modules, "later/made/names", "named", address) == {"kind": kind, "words": words}


def test_nodes_are_numbered_where_a_tier_has_several(modules: Page) -> None:
    nodes = [{"tier": tier} for tier in ("edge", "edge", "cache")]
    assert [number for _, number in called(modules, "later/made/names", "numbered", nodes)] == [1, 2, 0]


def namespace(name: str, size: int, retired: int = 0, quota: int | None = None, **more: Any) -> dict[str, Any]:
    return {"namespace": name, "bytes": size, "retired_bytes": retired, "quota_bytes": quota, "assets": 1, **more}


@pytest.mark.parametrize(
    ("given", "largest", "expected"),
    [
        (namespace("A", 30, 20, quota_assets=None), 100, (30, 20, 0, False, False)),
        (namespace("A", 0, 0, quota_assets=None), 0, (0, 0, 0, False, False)),
        (namespace("A", 30, 20, 200, quota_assets=None), 1000, (15, 10, 25, False, False)),
        (namespace("A", 150, 40, 200, quota_assets=None), 1000, (75, 20, 95, False, True)),
        (namespace("A", 300, 100, 200, quota_assets=None), 1000, (75, 25, 200, True, True)),
        (namespace("A", 0, 0, 0, quota_assets=None), 0, (0, 0, 100, True, True)),
        (namespace("A", 30, 0, quota_assets=1), 30, (100, 0, 0, True, True)),
    ],
)
def test_a_bar_shows_parts_of_the_quota_or_of_the_largest(
    modules: Page, given: dict[str, Any], largest: int, expected: tuple[Any, ...]
) -> None:
    names = ("now", "retired", "percent", "isFull", "isNearlyFull")
    assert called(modules, "later/room/shares", "shares", given, largest) == dict(zip(names, expected, strict=True))


def test_namespaces_begin_with_the_largest(modules: Page) -> None:
    found = called(
        modules, "later/room/shares", "ordered", [namespace("B", 1), namespace("C", 5), namespace("A", 0, 1)]
    )
    assert [one["namespace"] for one in found] == ["C", "A", "B"]
