"""What fails while somebody works: it is said plainly, nothing is lost, and nothing is done twice."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.library.conftest import EDITOR, Library, Open, check_with_axe
from tests.e2e.library.test_uploading import choose, found, item, jpeg, tray

Entry = dict[str, Any]
WARNS = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"


@pytest.fixture
def folder(library: Library, request: pytest.FixtureRequest) -> Iterator[str]:
    """A folder for uploads, whose files are gone in the end."""
    name = re.sub(r"\W+", "-", request.node.name)[:50].strip("-")
    yield name
    for entry in library.api.get("/catalog/search", params={"folder": f"/DEV/{name}"}).json()["data"]:
        library.api.delete(f"/file/{entry['uuid']}")


def at(entry: Entry) -> str:
    return f"?folder=/DEV/scratch&asset={entry['uuid']}"


def test_uploads_whose_token_has_ended_go_on_with_another_one(library: Library, opened: Open, folder: str) -> None:
    page = opened(f"?folder=/DEV/{folder}", token=EDITOR)
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
    page.evaluate("sessionStorage.setItem('tada.token', 'taken-away')")
    choose(page, *(jpeg(library, f"{number}.jpg", 300 + number) for number in range(4)))
    expect(page.get_by_role("alert")).to_contain_text("not valid any more")
    expect(item(page, "0.jpg")).to_contain_text("Sign in again")
    assert page.evaluate(WARNS)
    page.get_by_label("Token").fill(EDITOR)
    page.keyboard.press("Enter")
    expect(tray(page).get_by_role("heading")).to_contain_text("4 uploads finished")
    assert found(library, f"/DEV/{folder}") == [f"/DEV/{folder}/{number}.webp" for number in range(4)]
    assert not page.evaluate(WARNS)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (507, "quota_exceeded", "The namespace has no room left"),
        (503, "storage_down", "The storage does not answer, or is full"),
        (500, "", "Something went wrong in the service"),
    ],
)
def test_an_upload_for_which_there_is_no_room_stays_until_there_is(
    library: Library, opened: Open, folder: str, status: int, code: str, said: str
) -> None:
    page = opened(f"?folder=/DEV/{folder}", token=EDITOR)
    problem = {"data": [], "problems": [{"code": code, "message": "m", "hint": "h"}]} if code else "<html>"
    page.route("**/prefix/file?*", lambda route: route.fulfill(status=status, json=problem))
    choose(page, jpeg(library, "a.jpg", status))
    expect(item(page, "a.jpg")).to_contain_text(said)
    assert page.evaluate(WARNS)
    page.unroute("**/prefix/file?*")
    page.get_by_role("button", name="Try a.jpg again").click()
    expect(item(page, "a.jpg")).to_contain_text(f"/DEV/{folder}/a.webp")


def test_parts_of_the_page_that_cannot_be_loaded_are_said_and_tried_again(
    library: Library, opened: Open, scratch: Entry, folder: str
) -> None:
    page = opened("?folder=/DEV/scratch", token=EDITOR)
    expect(page.locator(".tile:not([aria-busy])").first).to_be_visible()
    page.context.set_offline(True)
    page.locator(".tile").first.click()
    expect(page.get_by_text("No connection to the service")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Title")).to_be_visible()
    page.goto(f"{library.address}?folder=/DEV/{folder}")
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
    page.context.set_offline(True)
    choose(page, jpeg(library, "kept.jpg", 311))
    expect(page.get_by_text("No connection to the service")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(item(page, "kept.jpg")).to_contain_text(f"/DEV/{folder}/kept.webp")


def test_what_fails_twice_is_said_once(opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    expect(page.get_by_label("Title")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Focal point and crop").click()
    said = page.get_by_text("No connection to the service")
    expect(said).to_be_visible()
    page.get_by_label("Title").fill("Not twice")
    for _ in range(2):
        with page.expect_event("requestfailed"):
            page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()
    expect(said).to_have_count(1)
    page.context.set_offline(False)
    # Both parts are loaded.
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("dialog")).to_have_count(2)


def test_what_is_said_is_in_front_of_a_dialog_and_can_be_answered(opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    page.get_by_role("button", name="Focal point and crop").click()
    focus = page.get_by_role("dialog")
    expect(focus.locator("img").first).to_be_visible()
    page.route(
        f"**/catalog/{scratch['uuid']}",
        lambda route: route.fulfill(status=500, body="oh") if route.request.method == "PATCH" else route.continue_(),
    )
    focus.get_by_label("From the left, %").fill("30")
    focus.get_by_label("From the left, %").press("Tab")
    focus.get_by_role("button", name="Save", exact=True).click()
    said = page.get_by_text("Something went wrong in the service")
    expect(said).to_be_visible()
    box = said.bounding_box()
    assert box is not None
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('.toast') !== null", middle)
    check_with_axe(page)
    page.locator(".toast").get_by_role("button", name="Close").click()
    expect(said).to_have_count(0)
    expect(focus).to_be_visible()


def sent(page: Page, pattern: str, method: str) -> list[Route]:
    """Hold every request of a kind, and return the list of them."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route) if route.request.method == method else route.continue_())
    return held


def test_a_slow_network_sends_nothing_twice(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    held = sent(page, f"**/catalog/{scratch['uuid']}", "PATCH")
    page.get_by_label("Title").fill("Once")
    button = page.get_by_role("button", name=re.compile("^Sav"))
    with page.expect_request(lambda request: request.method == "PATCH"):
        button.dblclick()
    page.get_by_label("Title").press("Control+s")
    button.click(force=True)
    page.get_by_label("Title").press("Control+s")
    page.wait_for_timeout(200)  # For a second request, of which there is none.
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_text("Saved. Everybody sees it")).to_be_visible()
    assert library.entry(scratch["uuid"])["title"] == "Once"


def test_a_service_that_fails_keeps_what_was_typed(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    page.route(
        f"**/catalog/{scratch['uuid']}",
        lambda route: route.fulfill(status=500, body="oh") if route.request.method == "PATCH" else route.continue_(),
    )
    page.get_by_label("Caption").fill("Half a page")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Something went wrong in the service")).to_be_visible()
    expect(page.get_by_label("Caption")).to_have_value("Half a page")
    assert page.evaluate(WARNS)
    page.unroute_all()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. Everybody sees it")).to_be_visible()
    assert library.entry(scratch["uuid"])["caption"] == "Half a page"
