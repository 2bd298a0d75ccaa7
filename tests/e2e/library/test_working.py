"""The library at work: what is edited, copied, replaced, deleted, and what happens if two people do it."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.library.conftest import ADMIN, EDITOR, Library, Open, check_with_axe
from tests.support.waits import wait_until

Entry = dict[str, Any]


def details(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Details")


def at(entry: Entry) -> str:
    return f"?folder=/DEV/scratch&asset={entry['uuid']}"


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(details(page).get_by_text("Saved. Everybody sees it")).to_be_visible()


def test_fields_are_saved_and_everybody_sees_it(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    expect(details(page)).to_contain_text("Without alternative text")
    expect(page.get_by_role("grid")).to_contain_text("No alt text")
    page.get_by_label("Title").fill("A title")
    page.get_by_label("Alternative text", exact=True).fill("What it shows")
    page.get_by_label("Tags", exact=True).press_sequentially("one, two three,")
    page.get_by_label("Tags", exact=True).press("Tab")
    page.get_by_label("Expires").fill("2090-05-06T07:08")
    page.get_by_label("Focus, from the left").fill("0.25")
    page.get_by_label("Focus, from the top").fill("0.5")
    save(page)
    found = library.entry(scratch["uuid"])
    expected = {
        "title": "A title",
        "alt": "What it shows",
        "tags": ["one", "two three"],
        "focus_x": 0.25,
        "caption": None,
    }
    assert {name: found[name] for name in expected} == expected
    # What is entered is the time of the reader, here in Paris.
    assert found["expiration_date"].startswith("2090-05-06T05:08")
    expect(page.get_by_role("grid")).not_to_contain_text("No alt text")
    expect(page.get_by_role("grid")).to_contain_text("A title")
    page.get_by_label("Title").fill("")
    page.get_by_role("button", name="Remove the tag one").click()
    expect(details(page).get_by_text("Saved. Everybody sees it")).to_have_count(0)
    page.keyboard.press("Control+s")
    expect(details(page).get_by_text("Saved. Everybody sees it")).to_be_visible()
    found = library.entry(scratch["uuid"])
    assert (found["title"], found["tags"]) == (None, ["two three"])


def test_what_is_not_saved_is_not_lost(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened("?folder=/DEV/scratch")
    page.locator(".tile:not([aria-busy])").first.click()
    page.get_by_label("Caption").fill("Half a sentence")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep editing").click()
    expect(page.get_by_label("Caption")).to_have_value("Half a sentence")
    page.go_back()
    expect(details(page)).to_have_count(0)
    page.get_by_role("button", name="Go back to them").click()
    expect(page.get_by_label("Caption")).to_have_value("Half a sentence")
    details(page).get_by_role("button", name="Close").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(details(page)).to_have_count(0)
    assert library.entry(scratch["uuid"])["caption"] == "Half a sentence"


def test_two_people_edit_one_entry(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch))
    page.get_by_label("Title").fill("Mine")
    page.get_by_label("Credit").fill("Also mine")
    library.change(scratch["uuid"], title="Theirs", credit="Theirs too", caption="Only theirs")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The same fields were changed elsewhere")
    assert library.entry(scratch["uuid"])["title"] == "Theirs"
    expect(page.get_by_label("Caption")).to_have_value("Only theirs")
    title, credit = (page.get_by_role("group", name=name) for name in ("Title", "Credit"))
    expect(title).to_contain_text("Theirs")
    title.get_by_role("button", name="Keep mine").click()
    credit.get_by_role("button", name="Take the other").click()
    save(page)
    found = library.entry(scratch["uuid"])
    assert [found[name] for name in ("title", "credit", "caption")] == ["Mine", "Theirs too", "Only theirs"]


@pytest.mark.parametrize("theirs", ["title", "caption"])
def test_who_saves_while_another_save_is_on_its_way_is_not_overwritten(
    library: Library, opened: Open, scratch: Entry, theirs: str
) -> None:
    page = opened(at(scratch))
    page.get_by_label("Title").fill("Mine")
    faster = [theirs]

    def change_first(route: Route) -> None:
        if route.request.method == "PATCH" and faster:
            library.change(scratch["uuid"], **{faster.pop(): "Theirs"})
        route.fallback()

    page.route(f"**/catalog/{scratch['uuid']}", change_first)
    if theirs == "title":
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("The same fields were changed elsewhere")
        assert library.entry(scratch["uuid"])["title"] == "Theirs"
        page.get_by_role("button", name="Keep mine").click()
    save(page)
    expect(page.get_by_label(theirs.capitalize())).to_have_value("Mine" if theirs == "title" else "Theirs")
    found = library.entry(scratch["uuid"])
    assert (found["title"], found["caption"]) == ("Mine", None if theirs == "title" else "Theirs")


@pytest.mark.parametrize("other", [ADMIN, EDITOR], ids=["the same token", "another token"])
def test_two_tabs_edit_one_entry(library: Library, opened: Open, scratch: Entry, other: str) -> None:
    one, two = opened(at(scratch), token=ADMIN), opened(at(scratch), token=other)
    for page, name in ((one, "Credit"), (two, "Caption")):
        page.get_by_label("Title").fill(f"The title with the {name}")
        page.get_by_label(name).fill(f"Only the {name}")
    save(one)
    # The other tab says it before anybody saves there, and keeps what was typed.
    expect(two.get_by_role("alert")).to_contain_text("or by you in another tab")
    expect(two.get_by_role("group", name="Title")).to_contain_text("The title with the Credit")
    expect(two.get_by_label("Credit")).to_have_value("Only the Credit")
    expect(two.get_by_role("textbox", name="Title")).to_have_value("The title with the Caption")
    expect(two.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    two.get_by_role("button", name="Keep mine").click()
    save(two)
    expect(one.get_by_label("Title")).to_have_value("The title with the Caption")
    expect(one.get_by_label("Caption")).to_have_value("Only the Caption")
    found = library.entry(scratch["uuid"])
    expected = ["The title with the Caption", "Only the Caption", "Only the Credit"]
    assert [found[name] for name in ("title", "caption", "credit")] == expected


def test_an_asset_is_deleted_while_it_is_open(library: Library, opened: Open) -> None:
    entry = library.upload("open.jpg", library.picture(51), destination="scratch")
    page = opened(at(entry))
    page.get_by_label("Title").fill("Not saved yet")
    assert library.api.delete(f"/file/{entry['uuid']}").status_code == 200
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("deleted this file while it was open")
    expect(page.get_by_label("Title")).to_have_value("Not saved yet")
    page.get_by_role("button", name="Restore it").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    save(page)
    assert library.entry(entry["uuid"])["title"] == "Not saved yet"
    library.api.delete(f"/file/{entry['uuid']}")


def test_a_token_ends_while_somebody_works(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch))
    page.get_by_label("Title").fill("Typed before")
    page.evaluate("sessionStorage.setItem('tada.token', 'taken-away')")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not valid any more")
    page.get_by_label("Token", exact=True).fill(ADMIN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Title")).to_have_value("Typed before")
    save(page)
    assert library.entry(scratch["uuid"])["title"] == "Typed before"


def test_a_network_that_fails_loses_nothing(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch))
    page.get_by_label("Title").fill("On a train")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("No connection to the service").first).to_be_visible()
    page.context.set_offline(False)
    save(page)
    assert library.entry(scratch["uuid"])["title"] == "On a train"


class Pictures(HTMLParser):
    """Collects the attributes of the elements of a piece of a page, by their names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] = {name: value or "" for name, value in attrs}


def test_everything_that_is_copied_works(library: Library, opened: Open) -> None:
    entry = library.upload("copy me.jpg", library.picture(61, 900), destination="scratch", alt='A "quoted" <cat>')
    page = opened(at(entry), permissions=["clipboard-read", "clipboard-write"])
    what = page.get_by_label("What to copy")

    def copied(label: str | re.Pattern[str]) -> str:
        option = what.locator("option").filter(has_text=label).first.text_content()
        what.select_option(label=option)
        page.evaluate("navigator.clipboard.writeText('')")
        details(page).locator(".with-button .primary").click()
        wait_until(lambda: page.evaluate("navigator.clipboard.readText()") != "")
        text: str = page.evaluate("navigator.clipboard.readText()")
        return text

    assert copied(re.compile("^Address$")) == entry["public_url"]
    found = Pictures(copied("<picture>")).found
    assert found["img"]["alt"] == entry["alt"]
    assert (found["img"]["width"], found["img"]["height"]) == (str(entry["width"]), str(entry["height"]))
    sources = [one.split()[0] for tag in ("img", "source") for one in found[tag]["srcset"].split(", ")]
    assert len(sources) == 6
    addresses = [*sources, copied("Preset thumb"), copied("Address, 400"), copied("uploaded file")]
    answers = [httpx.get(address, follow_redirects=True) for address in addresses]
    assert [answer.status_code for answer in answers] == [200] * len(addresses)
    assert {answer.headers["content-type"] for answer in answers} == {"image/webp", "image/avif", "image/jpeg"}
    assert copied("Markdown") == f'![A "quoted" \\<cat\\>]({entry["base_url"]}/optimise/800x0{entry["unique_name"]})'
    page.get_by_label("Format", exact=True).select_option("png")
    page.get_by_label("Width", exact=True).select_option("400")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "copy_me.png"
    library.api.delete(f"/file/{entry['uuid']}")


def test_a_file_is_replaced_and_deleted_and_brought_back(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch))
    preview = details(page).locator(".preview img.there")
    expect(preview).to_be_visible()
    before = preview.get_attribute("src")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Replace file").click()
    chooser.value.set_files({"name": "new.jpg", "mimeType": "image/jpeg", "buffer": library.picture(71, 333)})
    expect(details(page).get_by_text("Saved. Everybody sees it")).to_be_visible()
    expect(preview).not_to_have_attribute("src", before or "")
    assert library.entry(scratch["uuid"])["version"] == 2
    page.get_by_role("button", name="Versions and history").click()
    expect(details(page).get_by_text("File replaced")).to_be_visible()
    check_with_axe(page)
    page.get_by_role("button", name="Compare version 1").click()
    expect(page.get_by_role("dialog").get_by_role("figure")).to_have_count(2)
    for number in range(2):
        expect(page.get_by_role("dialog").locator("img").nth(number)).not_to_have_js_property("naturalWidth", 0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_role("button", name="Restore version 2")).to_be_visible()
    found = library.entry(scratch["uuid"])
    assert (found["version"], found["signature"]) == (3, scratch["signature"])
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("is deleted, everywhere")).to_be_visible()
    expect(details(page)).to_have_count(0)
    assert library.api.get(f"/catalog/{scratch['uuid']}").status_code == 404
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is there again")).to_be_visible()
    assert library.entry(scratch["uuid"])["version"] == 3


def test_the_trash_gives_back_or_ends(library: Library, opened: Open) -> None:
    pictures = {f"bin-{number}.jpg": library.picture(91 + number) for number in range(2)}
    entries = [library.upload(name, picture, destination="bin") for name, picture in pictures.items()]
    for entry in entries:
        assert library.api.delete(f"/file/{entry['uuid']}").status_code == 200
    page = opened("?folder=/DEV/bin", token=EDITOR)
    page.get_by_role("button", name="Trash").click()
    trash = page.get_by_role("dialog", name="Trash")
    trash.get_by_role("button", name="Restore bin-0.webp").click()
    expect(trash.get_by_text("/DEV/bin/bin-0.webp")).to_have_count(0)
    assert library.entry(entries[0]["uuid"])["version"] == 1
    check_with_axe(page)
    trash.get_by_role("button", name="Delete bin-1.webp for good").click()
    page.get_by_role("dialog", name="Delete bin-1.webp?").get_by_role("button", name="Delete for good").click()
    expect(trash.get_by_text("/DEV/bin/bin-1.webp")).to_have_count(0)
    assert not [one for one in library.api.get("/catalog/trash").json()["data"] if one["uuid"] == entries[1]["uuid"]]
    page.keyboard.press("Escape")
    expect(page.get_by_role("grid").get_by_text("bin-0.webp")).to_be_visible()
    library.api.delete(f"/file/{entries[0]['uuid']}")


def test_what_others_do_is_seen_at_once(library: Library, opened: Open) -> None:
    page = opened("?folder=/DEV/live")
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
    entry = library.upload("live.jpg", library.picture(81), destination="live")
    grid = page.get_by_role("grid")
    expect(grid.get_by_text("live.webp")).to_be_visible()
    expect(page.get_by_role("complementary", name="Folders").get_by_role("button", name="live 1")).to_be_visible()
    grid.get_by_text("live.webp").click()
    expect(page.get_by_label("Caption")).to_have_value("")
    library.change(entry["uuid"], title="From somebody else", caption="Said elsewhere")
    expect(grid.get_by_text("From somebody else")).to_be_visible()
    expect(page.get_by_label("Caption")).to_have_value("Said elsewhere")
    library.api.delete(f"/file/{entry['uuid']}")
    expect(page.get_by_role("alert")).to_contain_text("deleted this file while it was open")
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
