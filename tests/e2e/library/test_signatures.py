"""Copying where the public gets signed addresses alone."""

import re
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.library.conftest import EDITOR, READER, check_with_axe, token_line
from tests.e2e.library.test_focus import open_focus
from tests.processes.system import System
from tests.support.waits import wait_until

KEY = "key-of-addresses-" + "4d" * 16
Open = Callable[..., Page]


class Addresses(HTMLParser):
    """All addresses in a piece of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found |= {given["src"]} if given.get("src") else set()  # type: ignore[arg-type]
        self.found |= {one.split()[0] for one in (given.get("srcset") or "").split(", ") if one}


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, bytes]) -> Iterator[System]:
    settings = {
        "SIGNED_URLS": "true",
        "URL_SIGNING_KEYS": KEY,
        "API_PREFIX": "/prefix",
        "MEDIA_TOKENS": ";".join(
            [token_line("editor", "write", "DEV", EDITOR), token_line("reader", "read", "*", READER)]
        ),
        "PRESETS": "thumb:60x60?crop=smart",
    }
    system = System(tmp_path_factory.mktemp("signing"), settings)
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture(scope="module")
def entry(signing: System, photos: dict[str, bytes]) -> dict[str, Any]:
    answer = signing.api.post(
        "/prefix/file?wait=facts",
        files={"file": ("a@photo.jpg", photos["china.jpg"])},
        data={
            "namespace": "DEV",
            "alt": f'"<b>" http://localhost:{signing.ports.edge}/prefix/assets/media/full/DEV/no.webp',
        },
        headers={"Authorization": f"Bearer {EDITOR}"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"][0]
    return found


@pytest.fixture
def details(signing: System, entry: dict[str, Any], chromium: Browser) -> Iterator[Open]:
    contexts = []

    def open_details(token: str = EDITOR, **given: Any) -> Page:
        context = chromium.new_context(
            **{"locale": "en-GB", "permissions": ["clipboard-read", "clipboard-write"], **given}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.add_init_script(f"sessionStorage['tada.token'] = {token!r}")
        page.goto(f"http://localhost:{signing.ports.api}/prefix/library?asset={entry['uuid']}")
        return page

    yield open_details
    for context in contexts:
        context.close()


def copied(page: Page, label: str | re.Pattern[str]) -> str:
    what = page.get_by_label("What to copy")
    option = what.locator("option").filter(has_text=label).first.text_content()
    what.select_option(label=option)
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy", exact=True).click()
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") != "")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_all_that_is_copied_is_signed_for_the_chosen_time(details: Open, entry: dict[str, Any]) -> None:
    page = details()
    until = page.locator(".until")
    expect(until).to_contain_text("for as long as the service has its key")
    address = copied(page, re.compile("^Address$"))
    assert address.startswith(f"{entry['public_url']}?signature=")

    page.get_by_label("Valid for").select_option("7 days")
    expect(until).to_contain_text("Valid until")
    addresses = Addresses(copied(page, "<picture>")).found
    assert len(addresses) == 2 * 2
    addresses |= {copied(page, "Preset thumb"), copied(page, "Address, 400"), copied(page, "uploaded file")}
    markdown = re.findall(r"\((\S+)\)$", copied(page, "Markdown"))
    for one in {address, *addresses, *markdown}:
        answer = httpx.get(one)
        assert answer.status_code == 200, one
        assert httpx.get(one.partition("signature=")[0]).status_code == 403
    ends = {int(re.findall(r"[?&]expires=(\d+)&", one)[0]) for one in addresses}
    assert all(abs(end - time.time() - 7 * 86400) < 600 for end in ends)

    # What the page itself shows and opens needs no signature.
    expect(page.locator(".preview img.there")).to_be_visible()
    shown = page.get_by_role("link", name="Open").evaluate("link => link.href")
    assert httpx.get(shown).status_code == 200


def test_a_time_of_ones_own_is_typed(details: Open) -> None:
    page = details()
    page.get_by_label("Valid for").focus()
    page.keyboard.type("Another")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("0")
    expect(page.locator(".until")).to_have_text("Enter a whole number. 10 years are the most.")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_disabled()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("90")
    page.keyboard.press("Tab")
    page.keyboard.type("min")
    wanted = page.get_by_label("What is copied")
    expect(wanted).to_have_value(re.compile("expires="))
    [end] = re.findall(r"expires=(\d+)", wanted.input_value())
    assert abs(int(end) - time.time() - 90 * 60) < 600
    check_with_axe(page)


def test_a_time_begins_when_the_text_is_copied(details: Open) -> None:
    page = details()
    page.clock.install()
    page.reload()
    page.get_by_label("Valid for").select_option("1 hour")
    page.clock.run_for(1000)
    expect(page.get_by_label("What is copied")).to_have_value(re.compile("expires="))
    page.clock.run_for(120_000)
    with page.expect_request("**/signatures"):
        page.get_by_role("button", name="Copy", exact=True).click()


def test_a_service_that_does_not_sign_is_said_and_asked_again(details: Open) -> None:
    page = details()
    expect(page.get_by_label("What is copied")).to_have_value(re.compile("signature="))
    page.route("**/signatures", lambda route: route.abort())
    page.get_by_label("What to copy").select_option(label="Markdown")
    alert = page.locator(".notice[role=alert]")
    expect(alert).to_be_visible()
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_disabled()
    page.unroute_all(behavior="ignoreErrors")
    alert.get_by_role("button").click()
    expect(alert).to_have_count(0)
    expect(page.get_by_label("What is copied")).to_have_value(re.compile("signature="))


def test_a_crop_is_signed_too(details: Open) -> None:
    dialog = open_focus(details(), "Crop")
    dialog.get_by_label("What to copy").select_option("<picture> with all sizes")
    text = dialog.get_by_label("What is copied")
    expect(text).to_have_value(re.compile("<picture>"))
    addresses = Addresses(text.input_value()).found
    assert {httpx.get(one).status_code for one in addresses} == {200}


def test_who_may_not_sign_is_told_what_the_addresses_are_worth(details: Open, entry: dict[str, Any]) -> None:
    page = details(READER)
    expect(page.locator(".notice")).to_contain_text("you may not sign those of this file")
    expect(page.get_by_label("Valid for")).to_have_count(0)
    assert copied(page, re.compile("^Address$")) == entry["public_url"]


@pytest.mark.parametrize(("locale", "label"), [("de-DE", "Gültig für"), ("fr-FR", "Valable")])
def test_the_time_is_chosen_in_other_languages(details: Open, locale: str, label: str) -> None:
    page = details(locale=locale)
    page.get_by_label(label).select_option("day")
    expect(page.locator(".until")).to_contain_text("bis" if locale == "de-DE" else "jusqu’au")
