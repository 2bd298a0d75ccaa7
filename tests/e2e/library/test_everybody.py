"""Every view of the library for everybody: by keys, in the dark, on a touch screen, enlarged, and without movement."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.catalog.library import files
from tests.e2e.library.conftest import Library, Open, check_with_axe

PLACES = re.findall(
    r"^  (\w+): \{", (Path(files.__file__).parent / "static" / "places.js").read_text(), flags=re.MULTILINE
)
VIEWS = ("", "?layout=list", "?asset=", *(f"?place={name}" for name in PLACES))
TOO_SMALL = """() => [...document.querySelectorAll('button, a[href], input, select, textarea, summary')]
    .filter((one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !one.closest('[inert]'))
    .map((one) => [['checkbox', 'radio', 'file'].includes(one.type) ? one.closest('label') ?? one : one, one])
    .map(([box, one]) => [box.getBoundingClientRect(), one])
    .filter(([box]) => box.width > 1 && box.right > 0 && (box.height < 43.5 || box.width < 43.5))
    .map(([box, one]) => `${Math.round(box.width)} x ${Math.round(box.height)} ${one.outerHTML.slice(0, 160)}`)"""
FOCUS = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const seen = (one.getAttribute('role') === 'grid' ? one.querySelector('.active') : one.closest('.tags')) ?? one;
    const box = seen.getBoundingClientRect();
    const style = getComputedStyle(seen);
    const isOutlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    const isMarked = isOutlined || style.boxShadow !== 'none' || one.getAttribute('role') === 'grid';
    const isThere = box.width > 0 && box.height > 0;
    return [isMarked && isThere, one.outerHTML.slice(0, 160)];
}"""


@pytest.fixture
def views(library: Library, scratch: dict[str, Any]) -> list[str]:
    return [view + scratch["uuid"] if view.endswith("asset=") else view for view in VIEWS]


def show(page: Page, library: Library, view: str) -> None:
    page.goto(library.address + view)
    if "place=" in view:
        expect(page.locator(".place").get_by_role("heading").first).to_be_visible()
        expect(page.locator(".place [aria-busy=true]")).to_have_count(0)
    elif "asset=" in view:
        expect(page.get_by_role("heading", name="Facts")).to_be_visible()
    else:
        expect(page.locator("img.there").first).to_be_visible()


def test_axe_finds_nothing_in_the_dark(library: Library, opened: Open, views: list[str]) -> None:
    page = opened(color_scheme="dark", start=False)
    for view in views[3:]:
        show(page, library, view)
        check_with_axe(page)


def test_everything_can_be_touched(library: Library, opened: Open, views: list[str]) -> None:
    page = opened(start=False, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    found = {}
    for view in views:
        show(page, library, view)
        found[view] = page.evaluate(TOO_SMALL)
    assert not {view: small for view, small in found.items() if small}


@pytest.mark.parametrize("width", [320, 640])
def test_enlarged_four_times_nothing_is_beside_the_screen(
    library: Library, opened: Open, views: list[str], width: int
) -> None:
    page = opened(start=False, viewport={"width": width, "height": 512})
    wide = {}
    for view in views:
        show(page, library, view)
        wide[view] = page.evaluate("document.documentElement.scrollWidth")
    assert set(wide.values()) == {width}, wide


def test_it_is_always_seen_where_the_keys_go(library: Library, opened: Open, views: list[str]) -> None:
    page = opened(start=False)
    for view in views:
        show(page, library, view)
        stops = []
        for _ in range(70):
            page.keyboard.press("Tab")
            found = page.evaluate(FOCUS)
            if found is None:
                break
            stops.append(found)
        assert len(stops) > 10, view
        assert not [html for is_seen, html in stops if not is_seen], view


def test_focus_comes_back_from_dialogs(library: Library, opened: Open, scratch: dict[str, Any]) -> None:
    page = opened(f"?asset={scratch['uuid']}")
    opening = (("Delete", "Cancel"), ("Show it larger", ""), ("Trash", ""), ("Focal point and crop", ""))
    for name, end in opening:
        button = page.get_by_role("button", name=name, exact=True)
        button.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        if end:
            page.get_by_role("dialog").get_by_role("button", name=end).press("Enter")
        else:
            page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(button).to_be_focused()


def test_nothing_moves_where_nothing_shall(library: Library, opened: Open, views: list[str]) -> None:
    page = opened(start=False, reduced_motion="reduce")
    for view in views:
        show(page, library, view)
        moving = """[...document.querySelectorAll('*')].filter((one) => {
            const style = getComputedStyle(one);
            const times = style.transitionDuration.split(', ').map(parseFloat);
            return style.animationName !== 'none' || times.some((time) => time > 0);
        }).map((one) => one.outerHTML.slice(0, 120))"""
        assert page.evaluate(moving) == [], view
