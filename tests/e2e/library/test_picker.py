"""Picking files of the library on a page of another origin: <tada-picker>, and what other origins do not get."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from examples.picker.__main__ import server
from tests.e2e.library.conftest import AXE, EDITOR, READER, Library, check_with_axe
from tests.support.waits import wait_until
from tools.stack.ports import free_ports

PICTURES = {"image/jpeg", "image/png", "image/webp"}


@pytest.fixture(scope="module")
def cms(library: Library) -> Iterator[str]:
    """The example, at the origin that is allowed. Its token is that of an editor."""
    with server(library.address, EDITOR, library.cms_port) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{library.cms_port}"
        made.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def stranger(library: Library) -> Iterator[str]:
    """The same page at an origin that is not allowed."""
    [port] = free_ports(1)
    with server(library.address, EDITOR, port) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{port}"
        made.shutdown()
        thread.join()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(locale="en-GB")
    made.set_default_timeout(15_000)
    wrong: list[str] = []
    made.on("weberror", lambda error: wrong.append(str(error.error)))
    yield made
    made.close()
    assert not wrong


@pytest.fixture
def page(browser: BrowserContext) -> Page:
    return browser.new_page()


def picker(page: Page, name: str = "Choose a picture") -> FrameLocator:
    """Open a picker of the example, and return its frame."""
    page.get_by_role("button", name=name, exact=True).click()
    frame = page.frame_locator("tada-picker iframe")
    expect(frame.locator(".tile:not([aria-busy])").first).to_be_visible()
    return frame


def tile(frame: FrameLocator, name: str) -> Any:
    return frame.get_by_role("gridcell").filter(has_text=name)


def told(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page.locator("#told").text_content() or "[]")
    return found


def entry_of(library: Library, name: str) -> dict[str, Any]:
    [entry] = [one for one in library.api.get("/catalog").json() if one["filename"] == name]
    found: dict[str, Any] = entry
    return found


def test_one_file_is_picked_without_a_login_and_comes_with_the_form(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.get_by_role("button", name="Save the article").click()
    assert page.url == f"{cms}/"  # The field is required.
    frame = picker(page)
    tile(frame, "photo-2.webp").click()
    expect(frame.get_by_text("1 file chosen")).to_be_visible()
    tile(frame, "photo-3.webp").click()
    expect(frame.get_by_text("1 file chosen")).to_be_visible()
    frame.get_by_role("button", name="Choose", exact=True).click()
    expect(page.locator("tada-picker iframe")).to_have_count(0)
    [asset] = told(page)
    entry = entry_of(library, "photo-3.webp")
    for name in (
        "uuid",
        "unique_name",
        "width",
        "height",
        "alt",
        "blurhash",
        "dominant_color",
        "public_url",
        "base_url",
    ):
        assert asset[name] == entry[name]
    shown = page.get_by_role("img", name="The photograph 3")
    expect(shown).not_to_have_js_property("naturalWidth", 0)
    expect(page.get_by_role("button", name="Choose a picture")).to_be_focused()
    check_with_axe(page)
    page.get_by_role("button", name="Save the article").click()
    expect(page.get_by_role("definition").last).to_have_text(entry["uuid"])


def test_several_files_are_picked_within_limits_and_by_keys(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate(
        "Object.entries({folder: '/DEV/cats', max: '2'}).forEach(([name, value]) =>"
        "document.querySelector('[multiple]').setAttribute(name, value))"
    )
    frame = picker(page, "Choose pictures")
    tiles = frame.locator(".tile:not([aria-busy])")
    expect(tiles).to_have_count(7)
    frame.get_by_role("button", name="All files").first.click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("cats")
    expect(tiles).to_have_count(7)
    expect(frame.get_by_role("button", name="PDF")).to_have_count(0)
    frame.get_by_role("grid").focus()
    for key in ("Home", "Enter", "ArrowRight", "Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(frame.get_by_text("At most 2 files can be chosen.")).to_be_visible()
    expect(frame.get_by_role("gridcell", selected=True)).to_have_count(2)
    check_frame_with_axe(page)
    names = frame.get_by_role("gridcell", selected=True).locator("b").all_text_contents()
    frame.get_by_role("button", name="Choose", exact=True).click()
    wait_until(lambda: [one["filename"] for one in told(page)] == names)
    expect(page.locator("tada-picker[multiple]")).to_have_js_property(
        "value", " ".join(one["uuid"] for one in told(page))
    )
    # What is chosen is chosen when one comes back, and Escape changes nothing.
    frame = picker(page, "Choose pictures")
    expect(frame.get_by_text("2 files chosen")).to_be_visible()
    frame.get_by_role("button", name="Choose none").click()
    frame.get_by_role("grid").focus()
    page.keyboard.press("Escape")
    expect(page.locator("tada-picker iframe")).to_have_count(0)
    assert len(page.evaluate("document.querySelector('[multiple]').assets")) == 2
    page.get_by_role("button", name=f"Remove {names[0]}").click()
    assert page.evaluate("new FormData(document.forms[0]).getAll('gallery')") == [told(page)[1]["uuid"]]


def check_frame_with_axe(page: Page) -> None:
    frame = page.frames[-1]
    frame.evaluate(AXE.read_text())
    found = frame.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert not [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]]


def test_nothing_that_is_there_can_be_changed_in_the_frame(library: Library, cms: str, page: Page) -> None:
    entry = entry_of(library, "photo-2.webp")
    page.goto(cms)
    address = f"{library.address}?pick=1&asset={entry['uuid']}&place=calendar&folder=/DEV"
    page.evaluate(f"document.querySelector('tada-picker').setAttribute('src', {address!r})")
    frame = picker(page)
    expect(frame.get_by_role("button", name="Upload")).to_be_visible()
    tile(frame, "photo-2.webp").click()
    expect(frame.get_by_role("button", name="Choose", exact=True)).to_be_enabled()
    for name in ("Trash", "Delete", "Replace file", "Save", "Sign out"):
        expect(frame.get_by_role("button", name=name)).to_have_count(0)
    expect(frame.get_by_role("complementary", name="Details")).to_have_count(0)
    # The picker is for pictures alone, so nothing else is uploaded there.
    with page.expect_file_chooser() as chooser:
        frame.get_by_role("button", name="Upload").click()
    chooser.value.set_files({"name": "picked.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"})
    tray = frame.get_by_role("region", name="Uploads")
    expect(tray.get_by_text("picked.pdf")).to_be_visible()
    expect(tray.get_by_text("Files of this type")).to_be_visible()


def test_what_is_uploaded_in_the_frame_is_chosen(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate("document.querySelector('tada-picker').setAttribute('folder', '/DEV/scratch/picked')")
    page.get_by_role("button", name="Choose a picture").click()
    frame = page.frame_locator("tada-picker iframe")
    with page.expect_file_chooser() as chooser:
        frame.get_by_role("button", name="Upload").click()
    chooser.value.set_files({"name": "new.jpg", "mimeType": "image/jpeg", "buffer": library.picture(46)})
    expect(frame.get_by_text("1 file chosen")).to_be_visible()
    frame.get_by_role("button", name="Choose", exact=True).click()
    wait_until(lambda: [one["unique_name"] for one in told(page)] == ["/DEV/scratch/picked/new.webp"])
    library.api.delete(f"/file/{told(page)[0]['uuid']}")


def test_a_name_that_is_taken_is_not_replaced_from_a_frame(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate("document.querySelector('tada-picker').setAttribute('folder', '/DEV/cats')")
    frame = picker(page)
    expect(tile(frame, "photo-2.webp")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        frame.get_by_role("button", name="Upload").click()
    chooser.value.set_files({"name": "photo-2.jpg", "mimeType": "image/jpeg", "buffer": library.picture(47)})
    tray = frame.get_by_role("region", name="Uploads")
    expect(tray.get_by_role("button", name="Leave out")).to_be_visible()
    expect(tray.get_by_text("Replace")).to_have_count(0)


def test_a_file_that_is_deleted_meanwhile_is_not_picked(library: Library, cms: str, page: Page) -> None:
    entries = [library.upload(f"lost-{n}.jpg", library.picture(48 + n), destination="scratch/lost") for n in range(2)]
    page.goto(cms)
    page.evaluate("document.querySelector('[multiple]').setAttribute('folder', '/DEV/scratch/lost')")
    frame = picker(page, "Choose pictures")
    for entry in entries:
        tile(frame, entry["filename"]).click()
    library.api.delete(f"/file/{entries[0]['uuid']}")
    frame.get_by_role("button", name="Choose", exact=True).click()
    expect(frame.get_by_text("1 file was deleted meanwhile")).to_be_visible()
    frame.get_by_role("button", name="Choose", exact=True).click()
    wait_until(lambda: [one["uuid"] for one in told(page)] == [entries[1]["uuid"]])
    library.api.delete(f"/file/{entries[1]['uuid']}")


def test_a_token_of_the_page_is_asked_for_again_and_kept_nowhere(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate(
        f"window.asked = []; const tokens = ['taken-away', {READER!r}];"
        "document.querySelector('tada-picker').token = (how) => { asked.push(how.refused); return tokens.shift(); }; 0"
    )
    frame = picker(page)
    assert page.evaluate("asked") == [False, True]
    expect(frame.get_by_role("button", name="Upload")).to_have_count(0)  # It may only read.
    kept = "JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href])"
    assert READER not in page.frames[-1].evaluate(kept)
    # Without one, people enter it themselves.
    page.keyboard.press("Escape")
    page.goto(cms)
    page.evaluate("document.querySelector('tada-picker').token = 'taken-away'")
    page.get_by_role("button", name="Choose a picture").click()
    frame.get_by_label("Token").fill(READER)
    frame.get_by_role("button", name="Open the library").click()
    expect(frame.locator(".tile:not([aria-busy])").first).to_be_visible()


def test_a_browser_that_keeps_nothing_in_frames_shows_the_page(library: Library, cms: str, page: Page) -> None:
    refusing = "Object.defineProperty(window, {0!r}, {{get() {{ throw new DOMException('', 'SecurityError'); }}}});"
    page.add_init_script(
        "if (parent !== window) {" + "".join(map(refusing.format, ("localStorage", "sessionStorage"))) + "}"
    )
    page.goto(cms)
    page.evaluate("document.querySelector('tada-picker').setAttribute('folder', '/DEV/cats')")
    frame = picker(page)
    tile(frame, "photo-2.webp").dblclick()
    wait_until(lambda: [one["filename"] for one in told(page)] == ["photo-2.webp"])


def test_a_window_of_its_own_tells_what_is_picked_and_closes(library: Library, cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate(
        "window.heard = []; addEventListener('message', ({origin, source, data}) => { heard.push([origin, data]);"
        "if (data.type === 'tada.token-wanted') source.postMessage({type: 'tada.token', token: "
        f"{READER!r}}}, origin); }})"
    )
    with page.expect_popup() as popup:
        page.evaluate(f"void open('{library.address}?pick=many&folder=/SHOP', 'library', 'width=900,height=700')")
    for name in ("photo-1.webp", "photo-3.webp"):
        popup.value.get_by_role("gridcell").filter(has_text=name).click()
    with popup.value.expect_event("close"):
        popup.value.get_by_role("button", name="Choose", exact=True).click()
    heard = page.evaluate("heard")
    assert {origin for origin, _ in heard} == {library.address.removesuffix("/prefix/library")}
    assert [data["type"] for _, data in heard if data["type"] != "tada.resize"] == [
        "tada.ready",
        "tada.token-wanted",
        "tada.pick",
    ]
    assert [one["filename"] for one in heard[-1][1]["assets"]] == ["photo-1.webp", "photo-3.webp"]
    assert any(data["type"] == "tada.resize" and data["height"] > 300 for _, data in heard)


# Other origins


def test_nobody_else_may_have_the_page_in_a_frame(library: Library, cms: str, stranger: str, page: Page) -> None:
    def frames(query: str) -> str:
        policy = httpx.get(library.address + query).headers["content-security-policy"]
        return next(part for part in policy.split("; ") if part.startswith("frame-ancestors"))

    assert frames("?pick=1") == frames("?pick=many") == f"frame-ancestors {cms}"
    assert frames("") == frames("?asset=x") == "frame-ancestors 'none'"
    for address, query in ((stranger, "?pick=1"), (cms, "")):
        page.goto(address)
        page.evaluate("window.heard = []; addEventListener('message', ({data}) => heard.push(data))")
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.evaluate(
                "(src) => document.body.append(Object.assign(document.createElement('iframe'), {src}))",
                library.address + query,
            )
        assert page.evaluate("heard") == []
        expect(page.frame_locator("body > iframe").locator("#library")).to_have_count(0)


@pytest.mark.parametrize("referrer", ["", "noreferrer"])
def test_a_stranger_that_opens_the_page_hears_nothing(
    library: Library, stranger: str, page: Page, referrer: str
) -> None:
    page.goto(stranger)
    page.evaluate("window.heard = []; addEventListener('message', ({data}) => heard.push(data))")
    with page.expect_popup() as popup:
        if referrer:  # The browser does not say who has opened it: it waits for somebody it knows.
            page.evaluate(
                "document.head.append(Object.assign(document.createElement('meta'),"
                "{name: 'referrer', content: 'no-referrer'}))"
            )
        page.evaluate(f"window.opened = open('{library.address}?{urlencode({'pick': 1})}'), 1")
    if referrer:
        expect(popup.value.get_by_label("Token")).to_be_visible()
    else:
        expect(popup.value.get_by_role("heading", name="No files can be chosen here")).to_be_visible()
        check_with_axe(popup.value)
    for message in ({"type": "tada.hello"}, {"type": "tada.token", "token": EDITOR}):
        page.evaluate("(message) => opened.postMessage(message, '*')", message)
    popup.value.evaluate("new Promise((done) => setTimeout(done))")
    expect(popup.value.get_by_role("grid")).to_have_count(0)
    assert page.evaluate("heard") == []


def test_what_is_no_message_or_from_somebody_else_is_not_heard(cms: str, page: Page) -> None:
    page.goto(cms)
    page.evaluate("document.querySelector('tada-picker').token = ''")
    page.get_by_role("button", name="Choose a picture").click()
    frame = page.frame_locator("tada-picker iframe")
    expect(frame.get_by_label("Token")).to_be_visible()
    tokens: list[Any] = [None, 5, "a b", "x" * 9000, {"a": 1}, "a\nb"]
    choices: list[Any] = [5, "x", ["<script>"], [None], ["0" * 32] * 101, {}]
    messages = [
        *(
            None,
            5,
            "tada.token",
            {},
            {"type": 5},
            {"type": "__proto__"},
            {"type": "constructor"},
            {"type": "tada.pick"},
        ),
        *({"type": "tada.token", "token": token} for token in tokens),
        *({"type": "tada.hello", "chosen": chosen} for chosen in choices),
    ]
    page.evaluate(
        "(messages) => { const frame = document.querySelector('tada-picker').shadowRoot.querySelector('iframe');"
        "for (const message of messages) frame.contentWindow.postMessage(message, '*'); }",
        messages,
    )
    # The right message, but of another window than the one around the frame.
    page.frames[-1].evaluate(f"postMessage({{type: 'tada.token', token: '{EDITOR}'}}, '*')")
    page.frames[-1].evaluate("new Promise((done) => setTimeout(done))")
    expect(frame.get_by_role("grid")).to_have_count(0)
    expect(frame.get_by_label("Token")).to_be_visible()
    page.evaluate(
        "(token) => document.querySelector('tada-picker').shadowRoot.querySelector('iframe').contentWindow"
        ".postMessage({type: 'tada.token', token}, '*')",
        READER,
    )
    expect(frame.get_by_role("grid")).to_be_visible()
    expect(frame.get_by_text("Choose a file")).to_be_visible()
