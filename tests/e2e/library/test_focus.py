"""The focal point with its previews, and the addresses of cuts."""

import io
import random
import re
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Locator, Page, expect

from services.core.addresses.form import BASE, parse
from services.core.addresses.presets import resolve
from services.core.addresses.values import Fit, Focus
from services.transform.answer.decide import plan_of
from services.transform.render.geometry import fit
from services.transform.render.plan import Plan
from tests.e2e.library.conftest import EDITOR, READER, Library, Open, called, check_with_axe

Entry = dict[str, Any]
SIDE_MAX = 16383


def at(entry: Entry) -> str:
    return f"?folder=/DEV/scratch&asset={entry['uuid']}"


def open_focus(page: Page, mode: str = "Focal point") -> Locator:
    page.get_by_role("button", name="Focal point and crop").click()
    dialog = page.get_by_role("dialog", name="Focal point and crop of")
    dialog.get_by_role("button", name=mode, exact=True).click()
    return dialog


def pull(page: Page, dialog: Locator, *points: tuple[float, float]) -> None:
    """Press the mouse on the first of some points of the picture, and move it over the others."""
    box = dialog.locator(".frame").bounding_box()
    assert box
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if number == 0:
            page.mouse.down()


def focus_of(library: Library, entry: Entry) -> tuple[float | None, float | None]:
    found = library.entry(entry["uuid"])
    return found["focus_x"], found["focus_y"]


def cases() -> list[tuple[int, int, Plan, int, bool]]:
    """Return sources with plans: many at random, and those where a half is rounded."""
    chance = random.Random(7)
    sides = [1, 2, 3, 5, 40, 75, 99, 100, 101, 333, 400, 600, 1000, 1500, 4032, 6000, 20_000]
    found: list[tuple[int, int, Plan, int, bool]] = []
    for _ in range(3000):
        width, height = (chance.choice((chance.choice(sides), chance.randint(1, 9000))) for _ in range(2))
        wide, high = (chance.choice((0, chance.choice(sides), chance.randint(1, 3000))) for _ in range(2))
        focus = None if chance.random() < 0.2 else Focus(chance.randint(0, 1000) / 1000, chance.randint(0, 100) / 100)
        way: Fit = chance.choice(("cover", "cover", "contain", "fill"))
        plan = Plan(wide, high, fit=way, focus=focus)
        found.append((width, height, plan, chance.choice((SIDE_MAX, SIDE_MAX, 500)), chance.random() < 0.2))
    return found


def shown(focus: Focus | str | None) -> dict[str, float] | None:
    return asdict(focus) if isinstance(focus, Focus) else None


def test_a_cut_is_computed_as_the_service_does_it(modules: Page) -> None:
    all_cases = cases()
    given = [
        [
            width,
            height,
            {"width": plan.width, "height": plan.height, "fit": plan.fit, "focus": shown(plan.focus)},
            {"sideMax": side_max, "enlarge": enlarge},
        ]
        for width, height, plan, side_max, enlarge in all_cases
    ]
    code = "(given) => import('/later/focus/cut.js').then(({ fit }) => given.map((one) => Object.values(fit(...one))))"
    found = modules.evaluate(code, given)
    expected = [
        list(asdict(fit(width, height, plan, side_max, enlarge=enlarge)).values())
        for width, height, plan, side_max, enlarge in all_cases
    ]
    assert found == expected


@pytest.mark.parametrize(
    "preset",
    [
        "200x200?crop=smart",
        "90x120?crop=0.25,1",
        "1600x0",
        "300x200?fit=contain&quality=70",
        "33x17?dpr=1.5",
        "9000x9000?dpr=2",
        "120x50?format=jpeg&max_kb=30",
    ],
)
def test_a_preset_is_read_as_the_service_reads_it(modules: Page, preset: str) -> None:
    form = parse(f"{BASE}/optimise/p/DEV/x.webp", "", SIDE_MAX, {"p": preset})
    plan = plan_of(resolve(form, {"p": preset}, SIDE_MAX))
    found = called(modules, "later/focus/cut", "planOf", preset)
    by = "point" if isinstance(plan.focus, Focus) else plan.focus or "focus"
    assert found == {
        "width": plan.width,
        "height": plan.height,
        "fit": plan.fit,
        "focus": shown(plan.focus),
        "by": by if plan.height and plan.fit == "cover" else "none",
    }


def test_what_is_no_preset_is_not_shown(modules: Page) -> None:
    for text in ("", "thumb", "200", "axb", "200x", "1600 x 900"):
        assert called(modules, "later/focus/cut", "planOf", text) is None


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "3:2", "1200x630", "7/5"])
@pytest.mark.parametrize(("width", "height"), [(6000, 4000), (240, 144), (33, 1000), (1, 1)])
def test_sizes_of_a_ratio_are_never_enlarged(modules: Page, ratio: str, width: int, height: int) -> None:
    sides = called(modules, "later/focus/crop", "ratioOf", ratio)
    picture = {"width": width, "height": height}
    most = called(modules, "later/focus/crop", "largest", picture, sides)
    assert most["width"] <= width
    assert most["height"] <= height
    # A side more would not fit any more.
    assert (most["width"] + 1) / sides["width"] > min(width / sides["width"], height / sides["height"]) * 0.999
    for size in called(modules, "later/focus/crop", "sizesOf", picture, sides):
        assert 1 <= size["width"] <= most["width"]
        assert 1 <= size["height"] <= most["height"] + 1


def test_a_point_is_dragged_and_every_cut_follows(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    dialog = open_focus(page)
    card = dialog.locator("li[data-name=card]")
    expect(card).to_have_class("as-delivered")
    marker = dialog.get_by_role("slider", name="Focal point")
    expect(marker).to_have_attribute("aria-valuetext", "not set: cuts are in the middle")
    pull(page, dialog, (0.5, 0.5), (0.4, 0.3), (0.2, 0.1))
    # The button is still down.
    expect(marker).to_have_attribute("aria-valuetext", re.compile(r"^x (20|19.9|20.1) %, y (10|9.9|10.1) %$"))
    expect(card).not_to_have_class("as-delivered")
    drawn = card.locator("img:not(.delivered)")
    box = fit(scratch["width"], scratch["height"], Plan(120, 50, focus=Focus(0.2, 0.1)), SIDE_MAX)
    style = drawn.evaluate("(one) => [one.offsetLeft / one.offsetWidth, one.offsetTop / one.offsetHeight]")
    assert style == pytest.approx([-box.left / box.width, -box.top / box.height], abs=0.02)
    assert focus_of(library, scratch) == (None, None)
    page.mouse.up()
    dialog.get_by_label("From the left, %").fill("20")
    dialog.get_by_label("From the top, %").fill("10")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("The focal point of")).to_be_visible()
    assert focus_of(library, scratch) == (0.2, 0.1)
    # What is delivered now is shown, and it is what was drawn.
    expect(card).to_have_class("as-delivered")
    assert "0.2-0.1" in (card.locator("img.delivered").get_attribute("src") or "")
    expect(dialog.locator("li[data-name=thumb]")).to_contain_text("the focal point has no effect")
    expect(dialog.locator("li[data-name=corner]")).to_contain_text("around a point of its own")
    expect(dialog).to_contain_text("Not cut: hero")
    check_with_axe(page)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_text("is as before")).to_be_visible()
    assert focus_of(library, scratch) == (None, None)
    expect(dialog.get_by_label("From the left, %")).to_have_value("")


def test_a_point_is_moved_by_keys_and_removed(library: Library, opened: Open, scratch: Entry) -> None:
    library.change(scratch["uuid"], focus_x=0.5, focus_y=0.5)
    page = opened(at(scratch))
    dialog = open_focus(page)
    marker = dialog.get_by_role("slider", name="Focal point")
    marker.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowLeft", "ArrowUp", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(marker).to_have_attribute("aria-valuetext", "x 42 %, y 59 %")
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    expect(marker).to_have_attribute("aria-valuetext", "x 0 %, y 100 %")
    # What is not saved is not lost: the form has it, and asks.
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Focus, from the top")).to_have_value("1")
    page.get_by_role("complementary", name="Details").get_by_role("button", name="Close").click()
    page.get_by_role("dialog", name="Unsaved changes").get_by_role("button", name="Keep editing").click()
    dialog = open_focus(page)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("The focal point of")).to_be_visible()
    assert focus_of(library, scratch) == (0, 1)
    dialog.get_by_role("button", name="Remove the focal point").click()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("has no focal point any more")).to_be_visible()
    assert focus_of(library, scratch) == (None, None)


def test_two_people_move_the_point(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch))
    dialog = open_focus(page)
    dialog.get_by_label("From the left, %").fill("30")
    dialog.get_by_label("From the left, %").press("Tab")
    library.change(scratch["uuid"], focus_x=0.5, focus_y=0.25)
    clash = dialog.get_by_role("alert")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(clash).to_contain_text("x 50 %, y 25 %")
    assert focus_of(library, scratch) == (0.5, 0.25)
    clash.get_by_role("button", name="Keep mine").click()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("The focal point of")).to_be_visible()
    assert focus_of(library, scratch) == (0.3, 0.5)
    library.change(scratch["uuid"], focus_x=0.9, focus_y=0.9)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_text("Nothing is undone")).to_be_visible()
    assert focus_of(library, scratch) == (0.9, 0.9)


class Given:
    """The address that is copied, and what it gives."""

    def __init__(self, dialog: Locator) -> None:
        self.address = dialog.get_by_label("What is copied").input_value()
        answer = httpx.get(self.address)
        assert answer.status_code == 200, self.address
        self.picture = Image.open(io.BytesIO(answer.content)).convert("RGB")


def test_a_crop_is_an_address_that_gives_it(library: Library, opened: Open) -> None:
    entry = library.upload("crop me.jpg", library.picture(62, 1000), destination="scratch", focus_x="0.5", focus_y="0")
    width, height = entry["width"], entry["height"]
    page = opened(at(entry), permissions=["clipboard-read", "clipboard-write"])
    dialog = open_focus(page, "Crop")
    dialog.get_by_role("button", name="9:16").click()
    # It follows the focal point, so the address does not place it.
    assert Given(dialog).address.endswith(f"/optimise/{height * 9 // 16}x{height}/DEV/scratch/crop_me.webp")
    pull(page, dialog, (0.5, 0.5), (0.4, 0.5), (0.3, 0.5))
    page.mouse.up()
    expect(dialog.get_by_label("What is copied")).to_have_value(re.compile(r"crop=0.3,0.5$"))
    expect(dialog.locator(".given .delivered.there")).to_be_visible()
    dialog.get_by_label("Size", exact=True).select_option("400 × 711")
    gives = Given(dialog)
    box = fit(width, height, Plan(400, 711, focus=Focus(0.3, 0.5)), SIDE_MAX)
    assert gives.picture.size == (box.crop_width, box.crop_height)
    outline = dialog.get_by_role("slider", name="Part that is cut out")
    left = outline.evaluate("(one) => one.offsetLeft / one.offsetParent.clientWidth")
    assert left == pytest.approx(box.left / box.width, abs=0.01)
    # It is that part of the picture, and no other.
    whole = Image.open(io.BytesIO(httpx.get(entry["public_url"]).content)).convert("RGB")
    part = (left * width, 0, left * width + height * 9 / 16, height)
    expected = whole.crop(tuple(map(round, part))).resize(gives.picture.size)  # type: ignore[arg-type]
    assert sum(ImageStat.Stat(ImageChops.difference(expected, gives.picture)).mean) / 3 < 6
    outline.focus()
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_label("What is copied")).to_have_value(re.compile(r"crop=0.29,0.5$"))
    dialog.get_by_label("Another ratio or size").fill("600x300")
    assert Given(dialog).picture.size == (600, 300)
    check_with_axe(page)
    dialog.get_by_label("What to copy").select_option("<picture> with all sizes")
    dialog.get_by_role("button", name="Copy", exact=True).click()
    text = page.evaluate("navigator.clipboard.readText()")
    addresses = re.findall(r"http\S+(?= \d+w)", text.replace("&amp;", "&"))
    assert {httpx.get(address).headers["content-type"] for address in addresses} == {"image/webp", "image/avif"}
    assert len(addresses) == 2 * dialog.get_by_label("Size", exact=True).locator("option").count()
    assert library.entry(entry["uuid"])["signature"] == entry["signature"]
    library.api.delete(f"/file/{entry['uuid']}")


def test_a_reader_sees_cuts_and_moves_nothing(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=READER)
    dialog = open_focus(page)
    expect(dialog.locator("li[data-name=card]")).to_have_class("as-delivered")
    expect(dialog.get_by_role("slider")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Save")).to_have_count(0)
    dialog.get_by_role("button", name="4:5").click()
    expect(dialog.get_by_role("slider", name="Part that is cut out")).to_be_visible()
    expect(dialog.get_by_label("What is copied")).to_have_value(re.compile("/optimise/"))
    # As with ALLOWED_SIZES: that is said before somebody copies it.
    page.route(re.compile(r"/optimise/\d+x\d+/.*v="), lambda route: route.fulfill(status=400))
    dialog.get_by_role("button", name="3:2").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The service does not give this")


def test_a_finger_sets_the_point_on_a_phone(library: Library, opened: Open, scratch: Entry) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    page = opened(at(scratch), locale="fr-FR", **phone)
    page.get_by_role("button", name="Point focal et recadrage").tap()
    dialog = page.get_by_role("dialog", name="Point focal et recadrage de")
    box = dialog.locator(".frame").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    expect(dialog.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(r"^x 7[45][\d.,]* %, y 2[45]"))
    assert dialog.evaluate("(one) => one.scrollWidth <= innerWidth")
    check_with_axe(page)
    dialog.get_by_role("button", name="Enregistrer").tap()
    expect(dialog.get_by_text("est enregistré.")).to_be_visible()
    assert focus_of(library, scratch) == pytest.approx((0.75, 0.25), abs=0.01)


@pytest.mark.parametrize("fields", [{"expired": True}, {"visible_from": "2090-01-01T00:00:00Z"}])
def test_what_is_not_delivered_has_no_cuts(
    library: Library, opened: Open, scratch: Entry, fields: dict[str, Any]
) -> None:
    library.change(scratch["uuid"], **fields)
    page = opened(at(scratch))
    expect(page.get_by_label("Title")).to_be_visible()
    expect(page.get_by_role("button", name="Focal point and crop")).to_have_count(0)
