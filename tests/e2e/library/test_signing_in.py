"""Logging in to the library at an issuer of OpenID Connect: the code flow with PKCE, in a window of its own."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.library.conftest import EDITOR, Library, check_with_axe
from tests.support.issuer import TestIssuer
from tests.support.waits import wait_until

BEGIN = "Sign in with 127.0.0.1"


@pytest.fixture
def issuer(library: Library) -> Iterator[TestIssuer]:
    """The issuer as it is usually, in the end too."""
    found = library.issuer
    yield found
    found.document, found.said, found.led_back, found.refreshes = {}, {}, {}, True


@pytest.fixture
def page(library: Library, chromium: Browser) -> Iterator[Page]:
    made = chromium.new_context(locale="en-GB")
    made.set_default_timeout(15_000)
    wrong: list[str] = []
    made.on("weberror", lambda error: wrong.append(str(error.error)))
    yield made.new_page()
    made.close()
    assert not wrong


def log_in(page: Page) -> None:
    with page.expect_popup() as popup:
        page.get_by_role("button", name=BEGIN).click()
    with popup.value.expect_event("close"):
        popup.value.get_by_role("button", name="I am anna").click()


def session(page: Page, name: str) -> Any:
    return page.evaluate("(name) => sessionStorage.getItem(name)", name)


def test_a_person_logs_in_and_works(library: Library, issuer: TestIssuer, page: Page) -> None:
    page.goto(f"{library.address}?folder=/DEV/cats")
    expect(page.get_by_role("button", name=BEGIN)).to_be_visible()
    check_with_axe(page)
    log_in(page)
    expect(page.get_by_role("grid").get_by_text("photo-2.webp")).to_be_visible()
    expect(page.get_by_text("oidc:anna")).to_be_visible()
    expect(page.get_by_role("button", name="Upload")).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, document.cookie, location.href, history.length])")
    assert session(page, "tada.token") not in kept
    page.reload()
    expect(page.get_by_role("grid")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name=BEGIN)).to_be_visible()
    assert session(page, "tada.login") is session(page, "tada.token") is None


def test_a_token_is_renewed_before_it_ends(library: Library, issuer: TestIssuer, page: Page) -> None:
    issuer.said = {"exp": int(time.time()) + 11}
    page.goto(library.address)
    log_in(page)
    expect(page.get_by_role("grid")).to_be_visible()
    first = session(page, "tada.token")
    issuer.said = {}
    wait_until(lambda: session(page, "tada.token") not in (None, first))
    expect(page.get_by_role("grid")).to_be_visible()


def test_who_comes_back_after_the_end_of_a_token_goes_on(library: Library, issuer: TestIssuer, page: Page) -> None:
    entry = library.upload("kept.jpg", library.picture(55), destination="scratch/kept")
    page.goto(f"{library.address}?folder=/DEV/scratch/kept&asset={entry['uuid']}")
    log_in(page)
    page.get_by_label("Title").fill("Before the end")
    page.evaluate("sessionStorage.setItem('tada.token', 'eyJ.eyJ.ended')")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. Everybody sees it")).to_be_visible()
    assert library.entry(entry["uuid"])["title"] == "Before the end"
    # If the login has ended, too, the page asks. What was typed stays.
    issuer.end_logins()
    page.get_by_label("Title").fill("After the end")
    page.evaluate("sessionStorage.setItem('tada.token', 'eyJ.eyJ.ended')")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("not valid any more")
    check_with_axe(page)
    log_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Title")).to_have_value("After the end")
    library.api.delete(f"/file/{entry['uuid']}")


def test_without_refresh_tokens_a_login_ends_with_its_token(library: Library, issuer: TestIssuer, page: Page) -> None:
    issuer.refreshes = False
    page.goto(library.address)
    log_in(page)
    expect(page.get_by_role("grid")).to_be_visible()
    assert session(page, "tada.login") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"said": {"nonce": "of-another-login"}}, "cannot be used"),
        ({"led_back": {"iss": "https://evil.example"}}, "cannot be used"),
        (
            {"led_back": {"error": "access_denied", "error_description": "<b>Not you</b>"}},
            "has refused: <b>Not you</b>",
        ),
        ({"led_back": {"code": "of-somebody-else"}}, "has refused: The code is not good."),
        ({"said": {"groups": ["visitors"]}}, None),
        ({"document": {"issuer": "https://evil.example"}}, "cannot be used"),
        ({"document": {"token_endpoint": "https://evil.example/token"}}, "cannot be used"),
    ],
)
def test_what_does_not_fit_ends_no_login(
    library: Library, issuer: TestIssuer, page: Page, changes: dict[str, Any], message: str | None
) -> None:
    for name, value in changes.items():
        setattr(issuer, name, value)
    page.goto(library.address)
    with page.expect_popup() as popup:
        page.get_by_role("button", name=BEGIN).click()
    if "document" not in changes:
        popup.value.get_by_role("button", name="I am anna").click()
    if message:
        expect(page.get_by_role("alert")).to_contain_text(message)
        assert session(page, "tada.token") is None
    else:
        expect(page.get_by_text("see OIDC_ROLES")).to_be_visible()
        # The token is good, so only who gives it back can be somebody else.
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name=BEGIN)).to_be_visible()


def test_an_answer_that_was_not_asked_for_is_not_heard(library: Library, issuer: TestIssuer, page: Page) -> None:
    """Somebody may lead a person to the page of the end of a login, with a code of their own."""
    page.goto(library.address)
    with page.expect_popup() as popup:
        page.get_by_role("button", name=BEGIN).click()
    popup.value.get_by_role("button", name="I am anna").wait_for()
    begun = len([path for path in issuer.asked if path.endswith("/token")])
    with page.expect_popup() as other:
        page.evaluate(f"void open('{library.address}/signed-in?code=mine&state=made-up')")
    wait_until(lambda: page.evaluate("1") == 1 and other.value.is_closed())
    page.evaluate("(said) => postMessage({type: 'tada.signed-in', said}, '*')", {"code": "mine", "state": ""})
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert len([path for path in issuer.asked if path.endswith("/token")]) == begun
    # Whoever closes the window may begin again, or use a token.
    popup.value.close()
    expect(page.get_by_role("button", name=BEGIN)).to_be_enabled()
    page.get_by_label("Token").fill(EDITOR)
    page.keyboard.press("Enter")
    expect(page.get_by_role("grid")).to_be_visible()


def test_the_request_is_that_of_a_public_client_with_pkce(library: Library, issuer: TestIssuer, page: Page) -> None:
    page.goto(library.address)
    issuer.asked.clear()
    log_in(page)
    expect(page.get_by_role("grid")).to_be_visible()
    [asked] = [path for path in issuer.asked if "/authorize" in path]
    assert "code_challenge_method=S256" in asked
    assert "state=" in asked
    assert "nonce=" in asked
    assert "client_secret" not in json.dumps(issuer.asked)
