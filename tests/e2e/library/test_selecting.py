"""Selecting many files, and what can be done with all of them at once."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.library.conftest import EDITOR, READER, Library, Open, check_with_axe

Files = list[dict[str, Any]]
COUNT = 6


@pytest.fixture
def files(library: Library, request: pytest.FixtureRequest) -> Iterator[Files]:
    """Files of a folder of their own, which a test may change. They are gone in the end, wherever they are."""
    folder = "many/" + re.sub(r"\W+", "-", request.node.name)[:50]
    made = [
        library.upload(
            f"file-{at}.jpg", library.picture(40 + at, 90), destination=folder, tags=f"t{at % 2}", title=f"{at}"
        )
        for at in range(COUNT)
    ]
    yield made
    for one in library.api.get("/catalog/search", params={"folder": f"/DEV/{folder}", "recursive": True}).json()[
        "data"
    ]:
        library.api.delete(f"/file/{one['uuid']}")


def folder_of(files: Files) -> str:
    return str(files[0]["unique_name"].rpartition("/")[0])


def shown(opened: Open, files: Files, more: str = "", **given: Any) -> Page:
    page = opened(f"?folder={folder_of(files)}&sort=name{more}", **given)
    expect(page.locator(".tile:not([aria-busy])")).to_have_count(COUNT)
    return page


def tile(page: Page, at: int) -> Locator:
    return page.locator(f"#file-{at}")


def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar")


def selected(page: Page) -> list[int]:
    found = page.locator(".tile[aria-selected=true]").evaluate_all("all => all.map((one) => one.id)")
    return [int(one.removeprefix("file-")) for one in found]


def pick(page: Page, *places: int) -> None:
    for at in places:
        tile(page, at).hover()
        tile(page, at).get_by_role("checkbox").click()
    expect(bar(page)).to_contain_text(f"{len(places)} selected")


def work(page: Page) -> Locator:
    """Return the last piece of work."""
    return page.locator(".work").first


def entries(library: Library, files: Files) -> Files:
    return [library.entry(one["uuid"]) for one in files]


@pytest.mark.parametrize("layout", ["grid", "list"])
def test_files_are_selected_with_the_mouse(opened: Open, files: Files, layout: str) -> None:
    page = shown(opened, files, f"&layout={layout}")
    pick(page, 1)
    assert "asset=" not in page.url
    tile(page, 4).click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 selected")
    assert selected(page) == [1, 2, 3, 4]
    tile(page, 2).click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("2 selected")
    tile(page, 5).click(modifiers=["Control"])
    expect(bar(page)).to_contain_text("3 selected")
    assert selected(page) == [1, 2, 5]
    check_with_axe(page)
    tile(page, 0).click()
    expect(page.get_by_role("complementary", name="Details")).to_be_visible()
    expect(bar(page)).to_contain_text("3 selected")
    bar(page).get_by_role("button", name="End the selection").click()
    expect(bar(page)).to_have_count(0)


def test_files_are_selected_with_keys(opened: Open, files: Files) -> None:
    page = shown(opened, files)
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text("1 selected")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(bar(page)).to_contain_text("3 selected")
    page.keyboard.press("Shift+ArrowLeft")
    expect(bar(page)).to_contain_text("2 selected")
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(f"{COUNT} selected")
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text(f"{COUNT - 1} selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()


def test_a_long_touch_begins_to_select(opened: Open, files: Files) -> None:
    page = shown(opened, files, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(tile(page, 0).get_by_role("checkbox")).to_be_hidden()
    tile(page, 0).dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
    expect(bar(page)).to_contain_text("1 selected")
    tile(page, 0).dispatch_event("pointerup", {"pointerType": "touch", "bubbles": True})
    tile(page, 0).dispatch_event("click", {"bubbles": True})
    expect(bar(page)).to_contain_text("1 selected")
    box = tile(page, 1).get_by_role("checkbox").bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    tile(page, 1).tap()
    expect(bar(page)).to_contain_text("2 selected")
    assert "asset=" not in page.url
    check_with_axe(page)


def test_the_selection_ends_with_another_search_and_survives_everything_else(
    library: Library, opened: Open, files: Files
) -> None:
    page = shown(opened, files)
    pick(page, 0, 3)
    page.get_by_role("button", name="List").click()
    page.get_by_label("Sort by").select_option("-name")
    expect(bar(page)).to_contain_text("2 selected")
    library.change(files[1]["uuid"], title="Changed by somebody else")
    expect(page.get_by_text("Changed by somebody else")).to_be_visible()
    assert len(selected(page)) == 2
    page.get_by_role("searchbox").fill("file-1")
    expect(page.get_by_text("The selection has ended, because other files are shown now.")).to_be_visible()
    expect(bar(page)).to_have_count(0)


def test_tags_are_added_and_removed_and_that_is_undone(library: Library, opened: Open, files: Files) -> None:
    before = [one["tags"] for one in files]
    page = shown(opened, files)
    pick(page, 0, 1, 2)
    bar(page).get_by_role("button", name="Tags").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Apply")).to_be_disabled()
    dialog.get_by_label("Add tags").fill("new, t1")
    dialog.get_by_role("button", name="t0", exact=True).click()
    check_with_axe(page)
    dialog.get_by_role("button", name="Apply").click()
    expect(work(page)).to_contain_text("3 of 3 done")
    assert [sorted(one["tags"]) for one in entries(library, files)] == [["new", "t1"]] * 3 + before[3:]
    work(page).get_by_role("button", name="Undo").click()
    expect(work(page)).to_contain_text("Undo the change of 3 files")
    expect(work(page)).to_contain_text("3 of 3 done")
    assert [one["tags"] for one in entries(library, files)] == before


def test_fields_are_set_and_undone_but_not_over_a_change_of_somebody_else(
    library: Library, opened: Open, files: Files
) -> None:
    page = shown(opened, files)
    pick(page, 0, 1)
    bar(page).get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Credit").check()
    dialog.get_by_role("textbox", name="Credit").fill("A photographer")
    dialog.get_by_role("checkbox", name="Title").check()
    dialog.get_by_role("button", name="Apply").click()
    expect(work(page)).to_contain_text("2 of 2 done")
    assert [(one["credit"], one["title"]) for one in entries(library, files)[:3]] == [("A photographer", None)] * 2 + [
        (None, "2")
    ]
    library.change(files[1]["uuid"], credit="Somebody else")
    work(page).get_by_role("button", name="Undo").click()
    expect(work(page)).to_contain_text("1 of 2 done")
    expect(work(page)).to_contain_text(files[1]["unique_name"])
    expect(work(page)).to_contain_text("Somebody has changed it since.")
    assert [(one["credit"], one["title"]) for one in entries(library, files)[:2]] == [
        (None, "0"),
        ("Somebody else", None),
    ]


@pytest.mark.parametrize(
    ("choice", "after"),
    [("Now", (True, None)), ("At a date", (False, "2099-01-31T17:00:00.000+00:00")), ("Not at all", (False, None))],
)
def test_all_that_match_expire(
    library: Library, opened: Open, files: Files, choice: str, after: tuple[bool, str | None]
) -> None:
    library.change(files[0]["uuid"], expired=True)
    page = shown(opened, files)
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(f"{COUNT} selected")
    bar(page).get_by_role("button", name="Expiry").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=choice).check()
    if choice == "At a date":
        dialog.get_by_label("Expires", exact=True).fill("2099-01-31T18:00")
    dialog.get_by_role("button", name="Apply").click()
    expect(work(page)).to_contain_text(f"{COUNT} of {COUNT} done")
    assert {(one["expired"], one["expiration_date"]) for one in entries(library, files)} == {after}
    work(page).get_by_role("button", name="Undo").click()
    expect(work(page)).to_contain_text(f"{COUNT} of {COUNT} done")
    expect(work(page)).to_contain_text("Undo the change")
    assert [(one["expired"], one["expiration_date"]) for one in entries(library, files)] == [(True, None)] + [
        (False, None)
    ] * (COUNT - 1)


def test_files_are_moved_into_a_new_folder_and_back(library: Library, opened: Open, files: Files) -> None:
    page = shown(opened, files)
    pick(page, 0, 1, 2)
    bar(page).get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New folder in").fill("né w")
    expect(dialog.get_by_role("button", name="Move to")).to_be_disabled()
    dialog.get_by_label("New folder in").fill("new/below")
    check_with_axe(page)
    dialog.get_by_role("button", name=f"Move to {folder_of(files)}/new/below").click()
    expect(work(page)).to_contain_text("3 of 3 done")
    assert [library.entry(one["uuid"])["unique_name"] for one in files[:3]] == [
        f"{folder_of(files)}/new/below/file-{at}.webp" for at in range(3)
    ]
    work(page).get_by_role("button", name="Undo").click()
    expect(work(page)).to_contain_text("Move 3 files back")
    expect(work(page)).to_contain_text("3 of 3 done")
    assert [one["unique_name"] for one in entries(library, files)] == [one["unique_name"] for one in files]


def test_a_name_that_is_taken_is_told_and_chosen(library: Library, opened: Open, files: Files) -> None:
    folder = folder_of(files)
    other = library.upload("file-0.jpg", library.picture(90, 80), destination=f"{folder.removeprefix('/DEV/')}/taken")
    page = opened(f"?folder={folder}&sort=name&deep=0")
    pick(page, 0, 1)
    bar(page).get_by_role("button", name="Move").click()
    page.get_by_role("dialog").get_by_role("listitem").get_by_role("button", name="taken").click()
    page.get_by_role("dialog").get_by_role("button", name="Move to").click()
    expect(work(page)).to_contain_text("1 of 2 done")
    expect(work(page)).to_contain_text(f"{folder}/file-0.webp")
    expect(work(page)).to_contain_text("There is a file with this name already.")
    work(page).get_by_role("button", name="Keep both").click()
    expect(work(page)).to_contain_text("1 of 1 done")
    names = [library.entry(one["uuid"])["unique_name"] for one in (files[0], files[1], other)]
    assert names == [f"{folder}/taken/file-{name}.webp" for name in ("0-2", "1", "0")]


def test_files_are_deleted_what_somebody_else_has_deleted_is_told_and_all_is_undone(
    library: Library, opened: Open, files: Files
) -> None:
    page = shown(opened, files)
    pick(page, 0, 1, 2)
    library.api.delete(f"/file/{files[1]['uuid']}")
    bar(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("Delete 3 files?")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(work(page)).to_contain_text("2 of 3 done")
    expect(work(page)).to_contain_text(f"{files[1]['unique_name']}It does not exist any more.")
    expect(page.locator(".tile:not([aria-busy])")).to_have_count(COUNT - 3)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(work(page)).to_contain_text("Restore 2 files")
    expect(work(page)).to_contain_text("2 of 2 done")
    expect(page.locator(".tile:not([aria-busy])")).to_have_count(COUNT - 1)
    assert library.entry(files[0]["uuid"])["signature"] == files[0]["signature"]


def test_a_work_is_stopped_and_what_is_done_is_said(library: Library, opened: Open, files: Files) -> None:
    page = shown(opened, files)
    page.keyboard.press("Control+a")
    held: list[Route] = []
    is_free: list[bool] = []
    page.route("**/file/*", lambda route: route.continue_() if is_free else held.append(route))
    bar(page).get_by_role("button", name="Move").click()
    page.get_by_role("dialog").get_by_label("New folder in").fill("elsewhere")
    page.get_by_role("dialog").get_by_role("button", name="Move to").click()
    work(page).get_by_role("button", name="Stop").click()
    expect(work(page).get_by_role("button", name="Stop")).to_be_disabled()
    is_free.append(True)
    for route in held:
        route.continue_()
    expect(work(page)).to_contain_text(f"Stopped: {len(held)} of {COUNT} done")
    moved = [one for one in entries(library, files) if "elsewhere" in one["unique_name"]]
    assert len(moved) == len(held) < COUNT


def test_a_network_that_fails_is_waited_for(library: Library, opened: Open, files: Files) -> None:
    page = shown(opened, files)
    pick(page, 0, 1)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
        else:  # It is done, but nobody hears of it.
            lost.append(route.fetch().text())
            route.abort()

    page.route("**/prefix/files", lose)
    bar(page).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(work(page)).to_contain_text("2 of 2 done")
    assert len(lost) == 1


def test_the_files_are_downloaded_as_one_zip(library: Library, opened: Open, files: Files, tmp_path: Path) -> None:
    page = shown(opened, files, token=READER)
    pick(page, 0, 2)
    with page.expect_download() as saving:
        bar(page).get_by_role("button", name="Download").click()
    saving.value.save_as(tmp_path / "some.zip")
    folder = folder_of(files).removeprefix("/")
    with ZipFile(tmp_path / "some.zip") as some:
        assert some.testzip() is None
        assert some.namelist() == [f"{folder}/file-{at}.jpg" for at in (0, 2)]
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(f"{COUNT} selected")
    with page.expect_download() as saving:
        bar(page).get_by_role("button", name="Download").click()
    saving.value.save_as(tmp_path / "all.zip")
    with ZipFile(tmp_path / "all.zip") as whole:
        assert len(whole.namelist()) == COUNT
    assert all(name not in bar(page).inner_text() for name in ("Tags", "Move", "Delete", "Edit", "Expiry"))


def test_an_archive_has_what_the_token_may_see(library: Library, files: Files) -> None:
    hidden = library.upload("red.jpg", library.picture(70, 80), namespace="SHOP", destination="hidden", expired="true")
    library.change(files[0]["uuid"], expired=True)
    uuids = {"uuids": [hidden["uuid"], files[0]["uuid"]]}
    address = library.address.removesuffix("/library")
    assert httpx.post(f"{address}/catalog/archives", json=uuids).status_code == 401
    found = {}
    for token in (EDITOR, READER):
        made = httpx.post(f"{address}/catalog/archives", json=uuids, headers={"Authorization": f"Bearer {token}"})
        url = made.json()["data"][0]["url"]
        assert url.startswith("/prefix/catalog/archives?ticket=")
        with ZipFile(io.BytesIO(httpx.get(f"{address.removesuffix('/prefix')}{url}").content)) as whole:
            found[token] = {name: whole.read(name).decode("latin-1") for name in whole.namelist()}
    library.api.delete(f"/file/{hidden['uuid']}")
    path = files[0]["unique_name"].removeprefix("/").replace(".webp", ".jpg")
    assert list(found[EDITOR]) == [path, "MISSING.txt"]
    assert f"{hidden['unique_name']}: It is expired" in found[EDITOR]["MISSING.txt"]
    assert list(found[READER]) == [path, "SHOP/hidden/red.jpg"]


def test_a_token_changes_only_what_it_may(library: Library, opened: Open, files: Files) -> None:
    page = opened("?q=photo-1&sort=name", token=EDITOR)
    expect(page.locator(".tile:not([aria-busy])").first).to_be_visible()
    page.get_by_text("photo-1.jpg").or_(page.locator("#file-0")).first.hover()
    tile(page, 0).get_by_role("checkbox").click()
    expect(bar(page)).to_contain_text("1 selected")
    is_shop = "SHOP" in (tile(page, 0).get_attribute("title") or "")
    expect(bar(page).get_by_role("button", name="Tags")).to_have_count(0 if is_shop else 1)


def test_a_range_reaches_files_that_are_not_loaded(library: Library, opened: Open) -> None:
    page = opened(start=False)
    [model] = library.api.get("/catalog/search?q=photo-2&limit=1&folder=/DEV/cats").json()["data"]
    many, asked = 4000, list[int]()

    def answer(route: Route) -> None:
        given = parse_qs(urlsplit(route.request.url).query)
        start, limit = int(given.get("cursor", ["0"])[0]), int(given["limit"][0])
        asked.append(start)
        end = min(many, start + limit)
        data = [{**model, "uuid": f"{at:032x}", "filename": f"file-{at}"} for at in range(start, end)]
        route.fulfill(
            json={"data": data, "total": many, "total_exact": True, "cursor": str(end) if end < many else None}
        )

    page.route("**/catalog/search?*", answer)
    page.goto(library.address)
    tile(page, 3).click(modifiers=["Control"])
    expect(bar(page)).to_contain_text("1 selected")
    page.keyboard.press("Shift+End")
    expect(bar(page)).to_contain_text("3,997 selected")
    page.keyboard.press("Shift+Home")
    expect(bar(page)).to_contain_text("4 selected")
    assert max(asked) >= many - 500


def test_what_are_very_many_the_service_changes_at_once(library: Library, opened: Open, files: Files) -> None:
    page = shown(opened, files)
    asked: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        given: dict[str, Any] = route.request.post_data_json or {}
        if given.get("dry_run"):
            route.fulfill(json={"data": [], "errors": [], "problems": [], "count": 6000, "not_found": []})
        else:  # There are not so many here.
            asked.append(dict(given))
            del given["confirm"]
            route.continue_(post_data=given)

    page.route("**/catalog/actions", answer)
    page.keyboard.press("Control+a")
    bar(page).get_by_role("button", name="Tags").click()
    page.get_by_role("dialog").get_by_label("Add tags").fill("everywhere")
    expect(page.get_by_role("dialog")).to_contain_text("cannot be undone here")
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(work(page)).to_contain_text(f"{COUNT} of 6,000 done")
    expect(work(page).get_by_role("button")).to_have_count(0)
    search = {"folder": folder_of(files), "recursive": True}
    assert asked == [{"action": "change", "search": search, "fields": {"add_tags": ["everywhere"]}, "confirm": 6000}]
    assert all("everywhere" in one["tags"] for one in entries(library, files))


def test_what_the_service_does_by_itself_is_stopped_by_cancelling_its_job(opened: Open, files: Files) -> None:
    page = shown(opened, files)
    asked: list[str] = []

    def action(route: Route) -> None:
        dry = bool((route.request.post_data_json or {}).get("dry_run"))
        job = {"id": "act-1", "name": "act", "status": "queued", "ended_at": None, "result": None}
        data = [] if dry else [job]
        route.fulfill(json={"data": data, "errors": [], "problems": [], "count": 6000, "not_found": []})

    def job(route: Route) -> None:
        asked.append(f"{route.request.method} {route.request.url.partition('/prefix')[2]}")
        is_cancelled = any(one.startswith("POST") for one in asked)
        result = {"done_count": 17, "skipped_count": 0, "skipped": [], "failed_count": 0, "failed": []}
        status = {"status": "cancelled", "ended_at": "2026-12-01T00:00:00Z"} if is_cancelled else {"status": "running"}
        said = {"id": "act-1", "name": "act", "ended_at": None, "result": result, **status}
        route.fulfill(json={"data": [said], "errors": [], "problems": []})

    page.route("**/catalog/actions", action)
    page.route("**/jobs/act-1*", job)
    page.route("**/jobs/act-1/cancel", job)
    page.keyboard.press("Control+a")
    bar(page).get_by_role("button", name="Tags").click()
    page.get_by_role("dialog").get_by_label("Add tags").fill("everywhere")
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(work(page)).to_contain_text("17 of 6,000")
    work(page).get_by_role("button", name="Stop").click()
    expect(work(page)).to_contain_text("Stopped: 17 of 6,000 done")
    assert [one for one in asked if one.startswith("POST")] == ["POST /jobs/act-1/cancel"]


def test_all_but_some_are_selected(library: Library, opened: Open, files: Files) -> None:
    page = shown(opened, files)
    page.keyboard.press("Control+a")
    tile(page, 1).get_by_role("checkbox").click()
    expect(bar(page)).to_contain_text(f"{COUNT - 1} selected")
    bar(page).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(work(page)).to_contain_text(f"{COUNT - 1} of {COUNT - 1} done")
    left = library.api.get("/catalog/search", params={"folder": folder_of(files)}).json()["data"]
    assert [one["uuid"] for one in left] == [files[1]["uuid"]]


@pytest.mark.parametrize(("locale", "text"), [("de-DE", "2 ausgewählt"), ("fr-FR", "2 sélectionnés")])
def test_it_is_said_in_other_languages(opened: Open, files: Files, locale: str, text: str) -> None:
    page = shown(opened, files, locale=locale)
    tile(page, 0).click(modifiers=["Control"])
    tile(page, 1).click(modifiers=["Control"])
    expect(bar(page)).to_contain_text(text)
