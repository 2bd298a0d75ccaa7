"""Whatever somebody writes or uploads, no script of theirs runs in any view, and other origins get nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.e2e.library.conftest import ADMIN, EDITOR, SVG, Library, Open
from tests.e2e.library.test_everybody import VIEWS
from tests.e2e.library.test_uploading import choose, item
from tests.support.served_folder import served

EVIL = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{constructor}}\u202egpj.exe"
SCRIPT = SVG.replace(b"<rect", b'<script>window.ran = 1; alert(3)</script><rect onload="alert(4)"')
FOREIGN = "[...document.querySelectorAll('body script:not([src]), iframe, object, [onerror], [onload]')].length"


@pytest.fixture
def evil(library: Library) -> Iterator[list[dict[str, Any]]]:
    texts = dict.fromkeys(("title", "alt", "caption", "credit", "information", "external_id"), EVIL)
    meta = orjson.dumps({"<script>alert(5)</script>": EVIL}).decode()
    made = [
        library.upload(
            "a.jpg", library.picture(41), destination="evil", tags="<svg onload=alert(6)>", meta=meta, **texts
        ),
        library.upload("b.svg", SCRIPT, destination="evil", meta=meta, **texts),
    ]
    yield made
    for entry in made:
        library.api.delete(f"/file/{entry['uuid']}")


def test_in_no_view_a_text_becomes_markup(library: Library, opened: Open, evil: list[dict[str, Any]]) -> None:
    gone = library.upload("c.jpg", library.picture(42), destination="evil", title=EVIL)
    library.api.delete(f"/file/{gone['uuid']}")
    page = opened(start=False)
    for view in VIEWS:
        page.goto(library.address + (f"{view}{evil[0]['uuid']}" if view.endswith("asset=") else view))
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate(FOREIGN) == 0, view
    page.goto(f"{library.address}?asset={evil[0]['uuid']}")
    expect(page.get_by_label("Title")).to_have_value(EVIL)
    for name in ("Versions and history", "Trash"):
        page.get_by_role("button", name=name).click()
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    assert page.evaluate(FOREIGN) == 0
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Focal point and crop").click()
    expect(page.get_by_role("dialog").locator("img").first).to_be_visible()
    assert page.evaluate(FOREIGN) == 0


TURNS = "[\u202a-\u202e\u2066-\u2069]"


@pytest.fixture
def turned(library: Library) -> Iterator[dict[str, Any]]:
    """With U+202E and its like, what is written "cat", "gpj.exe" is seen as "catexe.jpg"."""
    name, tag = "cat\u202egpj.exe", "\u2067dog\u2066gpj.exe"
    entry = library.upload(f"{name}.jpg", library.picture(43), destination="turn\u202eed", title=name, tags=tag)
    yield entry
    library.api.delete(f"/file/{entry['uuid']}")


def test_no_text_looks_like_another_one(library: Library, opened: Open, turned: dict[str, Any]) -> None:
    assert turned["unique_name"] == "/DEV/turn_ed/cat_gpj_exe.webp"
    page = opened("?folder=/DEV/turn_ed&tag=%E2%81%A7dog%E2%81%A6gpj.exe", token=EDITOR)
    for layout in ("Grid", "List"):
        page.get_by_role("button", name=layout).click()
        expect(page.locator(".tile b")).to_have_text("catgpj.exe")
    page.locator(".tile").hover()
    page.get_by_role("checkbox", name="Select cat_gpj_exe.webp").click()
    page.get_by_role("toolbar").get_by_role("button", name="Tags").click()
    expect(page.get_by_role("dialog")).to_contain_text("doggpj.exe")
    assert not re.search(TURNS, page.locator("body").inner_text())
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    # What is edited stays as it is; what somebody else has written is shown beside it.
    page.goto(f"{library.address}?asset={turned['uuid']}")
    title = page.get_by_role("textbox", name="Title")
    expect(title).to_have_value(turned["title"])
    title.fill("Mine")
    library.change(turned["uuid"], title=f"{turned['title']} 2")
    expect(page.get_by_role("group", name="Title")).to_contain_text("catgpj.exe 2")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not re.search(TURNS, page.locator("body").inner_text())
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    choose(page, ("cat\u202egpj.exe.jpg", b"no picture", "image/jpeg"))
    expect(item(page, "catgpj.exe.jpg")).to_have_class(re.compile("is-failed"))
    assert not re.search(TURNS, page.locator("body").inner_text())


def test_colours_and_previews_are_no_place_for_styles(library: Library, opened: Open) -> None:
    page = opened(start=False)
    styles = ("red;background:url(//example.com/x)", "url(https://example.com/x)", "#fff' onload='alert(1)")

    def answer(route: Route) -> None:
        said = route.fetch().json()
        for number, entry in enumerate(said["data"]):
            entry |= {
                "dominant_color": styles[number % 3],
                "blurhash": ["<svg/onload=alert(7)>", "L" * 5000, "\0"][number % 3],
            }
        route.fulfill(json=said)

    page.route("**/catalog/search?*", answer)
    page.goto(library.address)
    expect(page.locator("img.there").first).to_be_visible()
    colours = page.locator("canvas.blur").evaluate_all("(all) => all.map((one) => one.getAttribute('style') ?? '')")
    assert colours
    assert not [text for text in colours if "url" in text or "red" in text]


def test_a_drawing_that_is_opened_runs_nothing(library: Library, opened: Open, evil: list[dict[str, Any]]) -> None:
    page = opened(f"?asset={evil[1]['uuid']}")
    address = page.get_by_role("link", name="Open", exact=True).get_attribute("href")
    assert address is not None
    assert re.match(r"http://localhost:\d+/", address)
    other = page.context.new_page()
    said: list[str] = []

    def note(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    other.on("dialog", note)
    answer = other.goto(address)
    assert answer is not None
    assert answer.status == 200
    assert other.evaluate("window.ran") is None
    assert said == []


def test_a_page_under_another_name_is_not_taken(library: Library, opened: Open) -> None:
    page = opened("?folder=/DEV/pages", token=EDITOR)
    text = b"<!doctype html><html><script>alert(8)</script></html>"
    choose(
        page,
        ("page.jpg", text, "image/jpeg"),
        ("page.svg", text, "image/svg+xml"),
        ("page.pdf", text, "application/pdf"),
    )
    for name in ("page.jpg", "page.svg", "page.pdf"):
        expect(item(page, name)).to_have_class(re.compile("is-failed"))


@pytest.fixture
def stranger(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of another origin."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Stranger</title><p>Hello")
    with served(tmp_path) as base:
        page = chromium.new_page()
        page.goto(f"{base}/index.html")
        yield page
        page.close()


def test_a_stranger_can_neither_frame_nor_hold_nor_ask_it(library: Library, stranger: Page) -> None:
    stranger.evaluate(
        """(address) => new Promise((done) => {
            const frame = document.createElement('iframe');
            frame.onload = done;
            frame.src = address;
            document.body.append(frame);
        })""",
        library.address,
    )
    assert stranger.frame_locator("iframe").locator("#library").count() == 0
    with stranger.expect_popup() as popup:
        stranger.evaluate("(address) => { window.held = open(address); }", library.address)
    expect(popup.value.get_by_label("Token")).to_be_visible()
    assert popup.value.evaluate("window.opener") is None
    assert stranger.evaluate("held.closed") is True, "it has no hold of the window"
    # Who the reader is, the browser does not say by itself: there are no cookies.
    api = library.address.removesuffix("library") + "catalog/search"
    popup.value.get_by_label("Token").fill(ADMIN)
    popup.value.keyboard.press("Enter")
    expect(popup.value.get_by_role("grid")).to_be_visible()
    asked = "(address) => fetch(address, {credentials: 'include'}).then((answer) => answer.status, () => 0)"
    assert stranger.evaluate(asked, api) in (0, 401)
    popup.value.close()
