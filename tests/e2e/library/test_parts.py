"""Parts and dialogs of the library on a touch screen: axe finds nothing, all can be touched, nothing is cut off.

The views themselves are in test_everybody.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.library.conftest import Library, Open, check_with_axe
from tests.e2e.library.test_everybody import TOO_SMALL
from tests.e2e.library.test_uploading import choose, jpeg

Entry = dict[str, Any]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def press(*names: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        for name in names:
            page.get_by_role("button", name=name, exact=True).last.click()

    return act


def select(*names: str) -> Callable[[Page], None]:
    """Select a file, as with a long touch, and choose what to do."""

    def act(page: Page) -> None:
        tile = page.locator(".tile:not([aria-busy])").first
        tile.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
        expect(page.get_by_role("toolbar")).to_be_visible()
        tile.dispatch_event("pointerup", {"pointerType": "touch", "bubbles": True})
        for name in names:
            page.get_by_role("toolbar").get_by_role("button", name=name).click()

    return act


def end_token(page: Page) -> None:
    page.evaluate("sessionStorage.setItem('tada.token', 'taken-away')")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()


SCENES: dict[str, tuple[str, Callable[[Page], None], str]] = {
    "sidebar": ("", press("Folders and filters"), "aside"),
    "sign in again": ("?asset=", end_token, "[type=password]"),
    "question": ("?asset=", press("Delete"), "dialog"),
    "larger": ("?asset=", press("Show it larger"), ".viewer img"),
    "focal point": ("?asset=", press("Focal point and crop"), ".focus .part img"),
    "crop": ("?asset=", press("Focal point and crop", "Crop"), ".focus .outline"),
    "past": ("?asset=", press("Versions and history"), ".past li"),
    "made of": ("?asset=", press("What it is made of"), ".made .node"),
    "trash": ("", press("Folders and filters", "Trash"), "dialog"),
    "selection": ("", select(), "[role=toolbar]"),
    "tags": ("", select("Tags"), "dialog"),
    "edit": ("", select("Edit"), "dialog"),
    "expiry": ("", select("Expiry"), "dialog"),
    "move": ("", select("Move"), "dialog [type=radio], dialog button"),
    "jobs": ("?place=jobs", press("Start a job"), "table"),
    "dumps": ("?place=dumps", press("Make a dump"), "dialog"),
    "webhook": ("?place=webhooks", press("Add a webhook"), "dialog"),
}


def check(page: Page) -> None:
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_with_axe(page)


@pytest.mark.parametrize("name", SCENES)
def test_a_part_is_for_everybody(library: Library, opened: Open, scratch: Entry, name: str) -> None:
    query, act, seen = SCENES[name]
    page = opened(query + (scratch["uuid"] if query.endswith("=") else ""), color_scheme="dark", **PHONE)
    expect(page.locator("h1").first).to_be_visible()
    act(page)
    expect(page.locator(seen).first).to_be_visible()
    expect(page.locator("dialog [aria-busy=true]")).to_have_count(0)
    check(page)


def test_uploads_are_for_everybody(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened("?folder=/DEV/scratch", color_scheme="dark", **PHONE)
    expect(page.locator(".tile:not([aria-busy])").first).to_be_visible()
    choose(page, ("no.jpg", b"no picture", "image/jpeg"), jpeg(library, scratch["filename"], 977))
    expect(page.locator(".item.is-failed, .item.is-taken")).to_have_count(2)
    check(page)


def test_a_large_touch_screen_has_no_small_targets(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(f"?asset={scratch['uuid']}", has_touch=True, is_mobile=True, viewport={"width": 1366, "height": 1024})
    expect(page.get_by_role("heading", name="Facts")).to_be_visible()
    page.get_by_role("button", name="Open folder SHOP").click()
    expect(page.get_by_role("button", name="Open folder shoes")).to_be_visible()
    assert page.evaluate(TOO_SMALL) == []
