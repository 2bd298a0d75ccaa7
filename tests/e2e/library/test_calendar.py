"""The calendar: what becomes visible and what expires, in the days of the reader."""

import calendar
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from services.catalog.library import files
from tests.e2e.library.conftest import EDITOR, READER, Library, Open, called, check_with_axe
from tests.support.served_folder import served
from tests.support.waits import wait_until

Entry = dict[str, Any]
PARIS = ZoneInfo("Europe/Paris")
ZONES = ("Europe/Paris", "America/New_York", "Pacific/Auckland", "UTC")


@pytest.fixture(scope="module", params=ZONES)
def zoned(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[tuple[Page, ZoneInfo]]:
    """A page that can import the modules of the library, in a time zone."""
    with served(Path(files.__file__).parent / "static") as base:
        made = chromium.new_context(timezone_id=request.param)
        page = made.new_page()
        page.goto(f"{base}/")
        yield page, ZoneInfo(request.param)
        made.close()


def test_days_are_those_of_the_reader(zoned: tuple[Page, ZoneInfo]) -> None:
    page, zone = zoned
    moments = [datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=7 * number) for number in range(1260)]
    given = [moment.isoformat() for moment in moments]
    code = "(given) => import('/later/calendar/days.js').then(({ dayOf, start, onDay }) => given.map((one) => ["
    code += "dayOf(one), start(dayOf(one)).toISOString(), onDay(one, '2027-06-30')]))"
    for moment, (day, begin, moved) in zip(moments, page.evaluate(code, given), strict=True):
        local = moment.astimezone(zone)
        assert day == str(local.date())
        # Also on the days when clocks are changed, which have 23 and 25 hours.
        midnight = datetime.combine(local.date(), datetime.min.time(), zone)
        assert datetime.fromisoformat(begin) == midnight.astimezone(UTC)
        there = datetime.fromisoformat(moved).astimezone(zone)
        assert (there.date(), there.time()) == (date(2027, 6, 30), local.time())


def test_weeks_cover_a_month(zoned: tuple[Page, ZoneInfo]) -> None:
    page, _ = zoned
    for first in (0, 1, 6):
        of_python = calendar.Calendar((first - 1) % 7)
        for month in ("2026-11", "2027-02", "2027-03", "2028-02", "2027-10", "2026-08"):
            year, number = map(int, month.split("-"))
            weeks = called(page, "later/calendar/days", "weeksOf", month, first)
            expected = [[str(day) for day in week] for week in of_python.monthdatescalendar(year, number)]
            assert weeks == expected


@pytest.mark.parametrize(
    ("key", "is_far", "to"),
    [
        ("ArrowLeft", False, "2027-03-30"),
        ("ArrowRight", False, "2027-04-01"),
        ("ArrowDown", False, "2027-04-07"),
        ("ArrowUp", False, "2027-03-24"),
        ("Home", False, "2027-03-29"),
        ("End", False, "2027-04-04"),
        ("PageUp", False, "2027-02-28"),
        ("PageDown", False, "2027-04-30"),
        ("PageUp", True, "2026-03-31"),
        ("PageDown", True, "2028-03-31"),
        ("a", False, ""),
    ],
)
def test_keys_lead_through_days(modules: Page, key: str, is_far: bool, to: str) -> None:
    assert called(modules, "later/calendar/days", "moved", key, "2027-03-31", 1, is_far) == to


@pytest.mark.parametrize(
    ("text", "day", "month"),
    [
        ("2027-02-28", "2027-02-28", "2027-02"),
        ("2027-02", "", "2027-02"),
        ("2027-02-30", "", "2027-02"),
        ("2027-13", "", ""),
        ("week", "", ""),
        ("", "", ""),
        ("<script>", "", ""),
    ],
)
def test_only_days_are_days(modules: Page, text: str, day: str, month: str) -> None:
    assert called(modules, "later/calendar/days", "dayIn", text) == day
    assert called(modules, "later/calendar/days", "monthIn", text) == month


@pytest.mark.parametrize("busy", [0, 1, 150, 450])
def test_a_month_is_complete_however_much_happens(modules: Page, busy: int) -> None:
    start = datetime(2027, 5, 1, tzinfo=UTC)
    # On the 12th, very many expire; on some days a few.
    moments = sorted(
        [start + timedelta(days=11, minutes=number) for number in range(busy)]
        + [start + timedelta(days=number % 30, hours=number % 24) for number in range(0, 60, 2)]
    )
    asked: list[int] = []

    def answer(route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        is_expiry = query["sort"] == "expiration_date"
        asked.append(int(query["limit"]))
        found = []
        if is_expiry:
            after, before = (datetime.fromisoformat(query[f"expires_{side}"]) for side in ("after", "before"))
            found = [one for one in moments if after <= one < before]
        page = [{"uuid": str(one), "expiration_date": one.isoformat()} for one in found[: int(query["limit"])]]
        cursor = "more" if len(page) < len(found) else None
        said = {"data": page, "total": len(found), "total_exact": True, "cursor": cursor}
        route.fulfill(body=json.dumps(said), content_type="application/json")

    modules.route("**/catalog/search?*", answer)
    days = called(modules, "later/calendar/schedule", "schedule", "2027-04-26", "2027-06-07", "")
    modules.unroute("**/catalog/search?*")
    counts = {day: found["expires"]["count"] for day, found in days.items()}
    expected = {str(one.date()): 0 for one in moments}
    for one in moments:
        expected[str(one.date())] += 1
    assert counts == expected
    assert all(len(found["expires"]["entries"]) == min(12, counts[day]) for day, found in days.items())
    # One request for each kind, and one for each day that did not fit.
    assert len(asked) == (2 if busy <= 150 else 28)


def dated(library: Library, name: str, number: int, **fields: str) -> Entry:
    return library.upload(f"{name}.jpg", library.picture(number), destination="dated", **fields)


def in_paris(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(PARIS).strftime("%Y-%m-%d %H:%M")


def cell(page: Page, day: str) -> Locator:
    return page.locator(f"[role=gridcell][data-day='{day}']")


@pytest.fixture
def made(library: Library) -> Iterator[Callable[..., Entry]]:
    """Return a function that uploads an entry with dates. They are gone in the end."""
    entries: list[Entry] = []

    def make(name: str, **fields: str) -> Entry:
        entries.append(dated(library, name, 200 + len(entries), **fields))
        return entries[-1]

    yield make
    for entry in entries:
        library.api.delete(f"/file/{entry['uuid']}")


def test_a_month_shows_what_becomes_visible_and_what_expires(
    library: Library, opened: Open, made: Callable[..., Entry]
) -> None:
    # Late in the evening of UTC, it is the next day in Paris.
    late = made("late", expiration_date="2089-03-09T23:30:00Z")
    made("soon", visible_from="2089-03-10T08:00:00+01:00", title="A <b>title</b>")
    for number in range(4):
        made(f"many-{number}", expiration_date=f"2089-03-10T1{number}:00:00+01:00")
    page = opened("?folder=/DEV/dated", token=READER)
    page.get_by_role("button", name="Calendar").click()
    expect(page.get_by_role("heading", name="Calendar")).to_be_visible()
    page.goto(f"{library.address}?place=calendar&at=2089-03&folder=/DEV/dated")
    busy = cell(page, "2089-03-10")
    expect(busy).to_have_attribute("aria-label", "Thursday, 10 March 2089, 1 becomes visible, 5 expire")
    expect(busy).to_contain_text("A <b>title</b>")
    expect(busy).to_contain_text("and 4 more")
    expect(cell(page, "2089-03-09")).to_have_attribute("aria-label", "Wednesday, 9 March 2089")
    check_with_axe(page)
    busy.locator(".number").click()
    day = page.get_by_role("region", name="Thursday, 10 March 2089")
    expect(day.get_by_role("listitem")).to_have_count(6)
    expect(day.get_by_role("listitem").nth(1)).to_contain_text("expires 00:30")
    expect(day.get_by_role("button", name="Move")).to_have_count(0)
    assert "at=2089-03-10" in page.url
    day.get_by_role("button", name="late.webp").click()
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("late.webp")
    assert f"asset={late['uuid']}" in page.url
    check_with_axe(page)
    page.go_back()
    page.go_back()
    expect(day).to_have_count(0)


def test_keys_lead_through_the_calendar(library: Library, opened: Open, made: Callable[..., Entry]) -> None:
    entry = made("keys", expiration_date="2089-05-31T12:00:00+02:00", visible_from="2089-05-02T12:00:00+02:00")
    page = opened("?place=calendar&at=2089-04&folder=/DEV/dated", token=EDITOR)
    cell(page, "2089-04-01").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(cell(page, "2089-04-01")).to_be_focused()
    for key in ("ArrowDown", "End", "PageDown"):
        page.keyboard.press(key)
    expect(cell(page, "2089-05-10")).to_be_focused()
    expect(page.get_by_role("heading", name="May 2089")).to_be_visible()
    for key in ("PageDown", "PageUp", "ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(cell(page, "2089-05-31")).to_be_focused()
    page.keyboard.press("Enter")
    day = page.get_by_role("region", name="Tuesday, 31 May 2089")
    day.get_by_role("button", name="Move keys.webp to another day").click()
    dialog = page.get_by_role("dialog", name="Move keys.webp")
    dialog.get_by_label("Expires on").fill("2089-04-30")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("keys.webp expires on Saturday, 30 April 2089 now.")).to_be_visible()
    expect(page.get_by_text("It is never delivered")).to_be_visible()
    expect(day).to_contain_text("Nothing expires")
    # At the same time of the day, in the same zone.
    assert in_paris(library.entry(entry["uuid"])["expiration_date"]) == "2089-04-30 12:00"
    page.get_by_role("button", name="Undo").click()
    expect(day.get_by_role("listitem")).to_have_count(1)
    assert in_paris(library.entry(entry["uuid"])["expiration_date"]) == "2089-05-31 12:00"


def test_an_entry_is_pulled_to_another_day(library: Library, opened: Open, made: Callable[..., Entry]) -> None:
    # On the 27th, clocks are put forward: the day is 23 hours long.
    entry = made("pulled", visible_from="2089-03-25T09:15:00+01:00")
    high = {"viewport": {"width": 1280, "height": 1000}}
    page = opened("?place=calendar&at=2089-03&folder=/DEV/dated", token=EDITOR, **high)
    cell(page, "2089-03-25").locator(".happening").drag_to(cell(page, "2089-03-29"))
    expect(page.get_by_text("becomes visible on Tuesday, 29 March 2089 now")).to_be_visible()
    expect(cell(page, "2089-03-29")).to_contain_text("pulled.webp")
    expect(cell(page, "2089-03-25")).not_to_contain_text("pulled.webp")
    assert in_paris(library.entry(entry["uuid"])["visible_from"]) == "2089-03-29 09:15"
    # Somebody else moves it: the calendar follows, and an undo does not overwrite that.
    library.change(entry["uuid"], visible_from="2089-03-16T09:15:00+01:00")
    expect(cell(page, "2089-03-16")).to_contain_text("pulled.webp")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Somebody has changed the date of pulled.webp")).to_be_visible()
    assert in_paris(library.entry(entry["uuid"])["visible_from"]) == "2089-03-16 09:15"


def test_what_the_form_saves_moves_in_the_calendar(library: Library, opened: Open, made: Callable[..., Entry]) -> None:
    made("typed", expiration_date="2089-07-05T09:15:00+02:00")
    page = opened("?place=calendar&at=2089-07&folder=/DEV/dated", token=EDITOR)
    cell(page, "2089-07-05").locator(".happening").click()
    page.get_by_label("Expires", exact=True).fill("2089-07-20T08:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(cell(page, "2089-07-20")).to_contain_text("typed.webp")
    expect(cell(page, "2089-07-05")).not_to_contain_text("typed.webp")


def test_what_expires_this_week_and_later_and_has_already(
    library: Library, opened: Open, made: Callable[..., Entry]
) -> None:
    # A Wednesday, as the page sees it.
    noon = datetime(2089, 9, 14, 12, tzinfo=PARIS)
    for name, moment in (
        ("week", noon + timedelta(days=4, hours=11)),
        ("later", noon + timedelta(days=20)),
        ("gone", noon - timedelta(hours=1)),
        ("gone-before", noon - timedelta(days=40)),
    ):
        made(name, expiration_date=moment.isoformat())
    made("shown", visible_from=(noon + timedelta(days=9)).isoformat())
    page = opened(token=EDITOR, start=False)
    page.clock.set_fixed_time(noon)
    page.goto(f"{library.address}?place=calendar&at=week&folder=/DEV/dated")
    items = page.get_by_role("main").get_by_role("listitem")
    # What has expired today belongs to this week, too.
    page.get_by_role("button", name="This week 2").click()
    expect(items).to_have_count(2)
    expect(items.last).to_contain_text("week.webp")
    expect(items.last).to_contain_text("expires 23:00")
    page.get_by_role("button", name="Next 30 days 4").click()
    expect(items).to_have_count(4)
    found = [re.findall(r"[\w-]+\.webp", text)[0] for text in items.all_inner_texts()]
    assert found == ["gone.webp", "week.webp", "shown.webp", "later.webp"]
    page.get_by_role("button", name="Already expired 2").click()
    expect(items).to_have_count(2)
    expect(items.first).to_contain_text("gone.webp")
    expect(items.first).to_contain_text("expired")
    check_with_axe(page)
    page.get_by_role("button", name="Show all expired files").click()
    # The service does not know that it is 2089.
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    assert "expired=true" in page.url


def test_a_network_that_fails_is_said(library: Library, opened: Open) -> None:
    page = opened("?place=calendar&at=2089-03")
    expect(page.get_by_role("grid")).to_have_attribute("aria-busy", "false")
    page.context.set_offline(True)
    page.get_by_role("button", name="Next month").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection to the service")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("heading", name="April 2089")).to_be_visible()


def test_a_phone_has_a_list_below_the_days(library: Library, opened: Open, made: Callable[..., Entry]) -> None:
    made("phone", expiration_date="2089-08-05T09:15:00+02:00")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    page = opened("?place=calendar&at=2089-08&folder=/DEV/dated", token=EDITOR, locale="de-DE", **phone)
    expect(page.get_by_role("heading", name="Freitag, 5. August 2089")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="phone.webp")).to_contain_text("läuft ab: 09:15")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_with_axe(page)
    cell(page, "2089-08-05").tap()
    expect(page.get_by_role("region", name="Freitag, 5. August 2089")).to_contain_text("phone.webp")
    page.get_by_role("listitem").get_by_role("button", name="phone.webp").first.tap()
    wait_until(lambda: "asset=" in page.url)


def test_only_the_answer_to_the_last_question_is_shown(library: Library, opened: Open, scratch: Entry) -> None:
    """The first answer comes after the second one, and is about what was there before."""
    asked: list[Route] = []

    def search(route: Route) -> None:
        if "limit=50" not in route.request.url:  # It only counts.
            route.continue_()
            return
        asked.append(route)
        if len(asked) > 1:
            route.fulfill(json=answer([library.entry(scratch["uuid"])]))

    def answer(found: list[Entry]) -> dict[str, Any]:
        return {"data": found, "errors": [], "problems": [], "total": len(found), "total_exact": True, "cursor": None}

    page = opened(start=False)
    page.route("**/prefix/catalog/search?*", search)
    page.goto(f"{library.address}?place=calendar&at=expired")
    wait_until(lambda: page.evaluate("1") == 1 and len(asked) == 1)
    library.change(scratch["uuid"], title="Newer")
    agenda = page.locator(".agenda")
    expect(agenda.get_by_role("listitem")).to_have_count(1)
    address = asked[0].request.url
    with page.expect_response(address):
        asked[0].fulfill(json=answer([]))
    page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(agenda.get_by_role("listitem")).to_have_count(1)
