from dataclasses import replace
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.addresses.arguments import ARGUMENTS, Argument
from services.core.addresses.form import Form, canonical, effective, parse
from services.core.addresses.values import Fit, Focus, Format
from services.core.assets.entries import Entry
from services.core.assets.facts import Facts
from services.core.assets.reductions import Part
from services.transform.answer.decide import (
    Decision,
    Missing,
    Placeholder,
    Redirect,
    Rendition,
    Stored,
    candidates,
    decide,
    decide_moved,
    plan_of,
    with_reduction,
)
from services.transform.render.geometry import fit
from services.transform.render.plan import Plan
from services.transform.render.steps.blur import Blur
from tests.support.entries import MakeEntry, made_entry
from tests.support.reductions import a_reduction

NOW = 1_800_000_000.0
PAST, FUTURE = "2020-01-01T00:00:00.000+00:00", "2040-01-01T00:00:00.000+00:00"
CAT = ("cat.jpg", "image/jpeg")


def answer(asked: Form, *catalogued: Entry, namespaces: tuple[str, ...] = ("DEV",)) -> Decision:
    """Decide with a catalog that holds the given entries."""
    by_name = {entry.unique_name: entry for entry in catalogued}
    return decide(asked, [by_name.get(name) for name in candidates(asked)], NOW, namespaces)


@pytest.mark.parametrize("kind", ["original", "full", "optimise"])
def test_what_is_not_catalogued_is_missing(make_entry: MakeEntry, kind: Any) -> None:
    assert answer(Form(kind, "/DEV/dog.webp"), make_entry(*CAT)) == Missing()
    assert answer(Form(kind, "/DEV/cat.png"), make_entry(*CAT)) == Missing()


def at_old_path(asked: Form, **moved: Entry) -> Decision:
    """Decide about assets that were moved away from file names in /DEV, each with `_` for its dot."""
    by_name = {f"/DEV/{name.replace('_', '.')}": entry for name, entry in moved.items()}
    return decide_moved(asked, [by_name.get(name) for name in candidates(asked)], NOW, ("DEV",))


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (Form("original", "/DEV/cat.jpg"), "/original/DEV/a/dog.webp"),
        (Form("original", "/DEV/cat.webp"), "/original/DEV/a/dog.webp"),
        (Form("full", "/DEV/cat.webp"), "/full/DEV/a/dog.webp"),
        (Form("full", "/DEV/cat.jpg"), "/full/DEV/a/dog.webp"),
        (Form("optimise", "/DEV/cat.webp", 200, 100), "/optimise/200x100/DEV/a/dog.webp"),
        (Form("optimise", "/DEV/cat.webp", preset="thumb"), "/optimise/thumb/DEV/a/dog.webp"),
    ],
)
def test_each_form_of_a_moved_asset_leads_to_the_same_form(make_entry: MakeEntry, asked: Form, path: str) -> None:
    moved = make_entry("dog.jpg", "image/jpeg", destination="a")
    assert at_old_path(asked, cat_webp=moved) == Redirect(moved, path, moved=True)


@pytest.mark.parametrize("name", ["/DEV/cat.png", "/DEV/dog.webp", "/DEV/a/cat.webp"])
def test_what_a_moved_asset_has_never_been_is_missing(make_entry: MakeEntry, name: str) -> None:
    assert at_old_path(Form("full", name), cat_webp=make_entry("dog.jpg", "image/jpeg")) == Missing()


def test_a_moved_gif_leads_to_its_only_name(make_entry: MakeEntry) -> None:
    gif = make_entry("new.gif", "image/gif")
    for asked, path in (
        (Form("full", "/DEV/old.gif"), "/full/DEV/new.gif"),
        (Form("full", "/DEV/old.webp"), "/full/DEV/new.gif"),
        (Form("optimise", "/DEV/old.webp", 200, 100), "/optimise/200x100/DEV/new.gif"),
        (Form("original", "/DEV/old.webp"), "/original/DEV/new.gif"),
    ):
        assert at_old_path(asked, old_gif=gif) == Redirect(gif, path, moved=True)


@pytest.mark.parametrize("kind", ["original", "full", "optimise"])
@pytest.mark.parametrize(
    ("old", "asked", "moved", "neighbour"),
    [
        ("cat.webp", "cat.jpg", ("dog.jpg", "image/jpeg", True), ("dog.jpg", "image/jpeg", False)),
        ("cat.webp", "cat.webp", ("dog.jpg", "image/jpeg", True), ("dog.jpg", "image/jpeg", False)),
        ("cat.gif", "cat.gif", ("dog.gif", "image/gif", False), ("dog.jpg", "image/jpeg", True)),
        ("cat.gif", "cat.webp", ("dog.gif", "image/gif", False), ("dog.jpg", "image/jpeg", True)),
    ],
)
def test_an_old_address_leads_to_no_neighbour_of_the_moved_asset(
    make_entry: MakeEntry,
    kind: Any,
    old: str,
    asked: str,
    moved: tuple[str, str, bool],
    neighbour: tuple[str, str, bool],
) -> None:
    there, other = (make_entry(name, kind, convert=converted) for name, kind, converted in (moved, neighbour))
    decision: Decision = at_old_path(Form(kind, f"/DEV/{asked}"), **{old.replace(".", "_"): there})
    for _ in range(2):
        if isinstance(decision, Redirect):
            decision = answer(Form(kind, decision.path.removeprefix(Form(kind, "").path(""))), there, other)
    assert isinstance(decision, Stored | Rendition)
    assert decision.entry == there


def test_a_moved_asset_that_may_not_be_served_is_a_placeholder(make_entry: MakeEntry) -> None:
    asked = Form("full", "/DEV/cat.webp")
    assert at_old_path(asked, cat_webp=make_entry("dog.jpg", "image/jpeg", expired=True)) == Placeholder()
    hidden = make_entry("dog.jpg", "image/jpeg", visible_from=FUTURE)
    assert at_old_path(asked, cat_webp=hidden) == Placeholder(until=hidden.visible_at)


@pytest.mark.parametrize("kind", ["original", "full", "optimise"])
@pytest.mark.parametrize("name", ["/DEV/cat.webp", "/DEV/cat.jpg"])
@pytest.mark.parametrize("fields", [{"expired": True}, {"expiration_date": PAST}])
def test_what_has_expired_is_a_placeholder_in_every_form(
    make_entry: MakeEntry, kind: Any, name: str, fields: dict[str, Any]
) -> None:
    assert answer(Form(kind, name), make_entry(*CAT, **fields)) == Placeholder()


@pytest.mark.parametrize("kind", ["original", "full", "optimise"])
@pytest.mark.parametrize("name", ["/DEV/cat.webp", "/DEV/cat.jpg"])
def test_what_is_not_visible_yet_is_a_placeholder_until_then_in_every_form(
    make_entry: MakeEntry, kind: Any, name: str
) -> None:
    hidden = make_entry(*CAT, visible_from=FUTURE)
    assert answer(Form(kind, name), hidden) == Placeholder(until=hidden.visible_at)
    assert isinstance(answer(Form(kind, name), replace(hidden, visible_from=PAST)), Stored | Redirect | Rendition)
    for never in ({"expired": True}, {"expiration_date": PAST}):
        assert answer(Form(kind, name), replace(hidden, **never)) == Placeholder(until=None)


@pytest.mark.parametrize("kind", ["original", "full", "optimise"])
def test_what_is_outside_the_allowed_namespaces_is_a_placeholder(make_entry: MakeEntry, kind: Any) -> None:
    entry = make_entry(*CAT)
    assert answer(Form(kind, entry.unique_name), entry, namespaces=("PROD", "DE")) == Placeholder()
    assert answer(Form(kind, "/DEV/unknown.webp"), namespaces=("PROD",)) == Placeholder()


def test_a_gif_that_is_asked_for_as_webp_is_made_and_its_original_is_where_it_is(make_entry: MakeEntry) -> None:
    gif, still = make_entry("cat.gif", "image/gif"), make_entry("cat.png", "image/png")
    assert answer(Form("full", "/DEV/cat.webp"), gif) == Rendition(gif, Plan())
    assert answer(Form("optimise", "/DEV/cat.webp", 200), gif) == Rendition(gif, Plan(200))
    assert answer(Form("original", "/DEV/cat.webp"), gif) == Redirect(gif, "/original/DEV/cat.gif")
    assert answer(Form("full", "/DEV/cat.webp"), gif, still) == Rendition(still, Plan())
    assert answer(Form("full", "/DEV/cat.png"), gif) == Missing()
    expired = make_entry("cat.gif", "image/gif", expired=True)
    assert answer(Form("full", "/DEV/cat.webp"), expired) == Placeholder()


@pytest.mark.parametrize(
    ("path", "uploaded", "kind", "converted"),
    [
        ("/DEV/menu.PDF", "menu.PDF", "application/pdf", False),
        ("/DEV/wave.GIF", "wave.GIF", "image/gif", False),
        ("/DEV/cat.jpg", "cat.jpeg", "image/jpeg", False),
        ("/DEV/cat.webp", "cat.png", "image/webp", False),
        ("/DEV/cat.WEBP", "cat.jpg", "image/jpeg", True),
        ("/DEV/cat.WEBP", "cat.webp", "image/webp", True),
    ],
)
def test_the_original_of_a_name_that_the_older_service_made_is_found(
    make_entry: MakeEntry, path: str, uploaded: str, kind: str, converted: bool
) -> None:
    entry = replace(
        make_entry(), unique_name=path, original_filename=uploaded, original_mimetype=kind, converted=converted
    )
    found = answer(Form("original", path), entry)
    if isinstance(found, Redirect):
        found = answer(Form("original", found.path.removeprefix("/original")), entry)
    assert found == Stored(entry)


def test_what_will_expire_is_served_until_then(make_entry: MakeEntry) -> None:
    entry = make_entry(*CAT, expiration_date=FUTURE)
    assert answer(Form("full", "/DEV/cat.webp"), entry) == Rendition(entry, Plan())


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (Form("original", "/DEV/cat.webp"), "/original/DEV/cat.jpg"),
        (Form("full", "/DEV/cat.jpg"), "/full/DEV/cat.webp"),
        (Form("full", "/DEV/cat.jpg", 200, 0, 50), "/full/DEV/cat.webp"),
        (Form("optimise", "/DEV/cat.jpg", 200, 100), "/optimise/200x100/DEV/cat.webp"),
    ],
)
def test_the_other_name_of_an_asset_redirects_to_the_right_one(make_entry: MakeEntry, asked: Form, path: str) -> None:
    entry = make_entry(*CAT)
    assert answer(asked, entry) == Redirect(entry, path)


@pytest.mark.parametrize(
    ("given_name", "kind", "convert", "asked"),
    [
        ("cat.jpg", "image/jpeg", True, Form("original", "/DEV/cat.jpg")),
        ("cat.webp", "image/webp", True, Form("original", "/DEV/cat.webp")),
        ("cat.png", "image/png", False, Form("original", "/DEV/cat.png")),
        ("cat.png", "image/png", False, Form("full", "/DEV/cat.png")),
        ("cat.png", "image/png", False, Form("full", "/DEV/cat.png", quality=50)),
        ("cat.png", "image/png", False, Form("optimise", "/DEV/cat.png")),
        ("cat.gif", "image/gif", None, Form("original", "/DEV/cat.gif")),
        ("cat.gif", "image/gif", None, Form("full", "/DEV/cat.gif")),
        ("cat.gif", "image/gif", None, Form("full", "/DEV/cat.gif", accepted="avif")),
        ("cat.gif", "image/gif", None, Form("optimise", "/DEV/cat.gif")),
        ("cat.pdf", "application/pdf", True, Form("original", "/DEV/cat.pdf")),
        ("cat.pdf", "application/pdf", True, Form("full", "/DEV/cat.pdf", 200)),
        ("cat.svg", "image/svg+xml", True, Form("full", "/DEV/cat.svg")),
        ("cat.svg", "image/svg+xml", True, Form("full", "/DEV/cat.svg", 200)),
        ("cat.svg", "image/svg+xml", True, Form("optimise", "/DEV/cat.svg")),
        ("cat.pdf", "application/pdf", True, Form("optimise", "/DEV/cat.pdf")),
    ],
)
def test_what_is_delivered_as_it_is_stored(
    make_entry: MakeEntry, given_name: str, kind: str, convert: bool | None, asked: Form
) -> None:
    entry = make_entry(given_name, kind, convert=convert)
    assert answer(asked, entry) == Stored(entry)


@pytest.mark.parametrize(
    ("given_name", "kind", "convert", "asked", "size"),
    [
        ("cat.jpg", "image/jpeg", True, Form("full", "/DEV/cat.webp"), (0, 0, 0)),
        ("cat.jpg", "image/jpeg", True, Form("full", "/DEV/cat.webp", 200, 0, 50), (200, 0, 50)),
        ("cat.jpg", "image/jpeg", True, Form("optimise", "/DEV/cat.webp", 200, 100), (200, 100, 0)),
        ("cat.jpg", "image/jpeg", True, Form("optimise", "/DEV/cat.webp"), (0, 0, 0)),
        ("cat.webp", "image/webp", True, Form("full", "/DEV/cat.webp"), (0, 0, 0)),
        ("cat.png", "image/png", False, Form("optimise", "/DEV/cat.png", 200), (200, 0, 0)),
        ("cat.png", "image/png", False, Form("full", "/DEV/cat.png", 0, 100), (0, 100, 0)),
        ("cat.gif", "image/gif", None, Form("optimise", "/DEV/cat.gif", 200, 100), (200, 100, 0)),
        ("cat.gif", "image/gif", None, Form("full", "/DEV/cat.gif", 200), (200, 0, 0)),
        ("cat.gif", "image/gif", None, Form("full", "/DEV/cat.gif", format="webp"), (0, 0, 0)),
        ("cat.gif", "image/gif", True, Form("full", "/DEV/cat.webp"), (0, 0, 0)),
        ("cat.svg", "image/svg+xml", True, Form("optimise", "/DEV/cat.svg", 200, 100), (200, 100, 0)),
        ("cat.pdf", "application/pdf", True, Form("optimise", "/DEV/cat.pdf", 0, 100), (0, 100, 0)),
    ],
)
def test_what_is_rendered(
    make_entry: MakeEntry, given_name: str, kind: str, convert: bool | None, asked: Form, size: tuple[int, int, int]
) -> None:
    entry = make_entry(given_name, kind, convert=convert)
    assert answer(asked, entry) == Rendition(entry, Plan(*size))


def test_the_size_0x0_is_the_full_image(make_entry: MakeEntry) -> None:
    entry = make_entry(*CAT)
    assert answer(Form("optimise", entry.unique_name), entry) == answer(Form("full", entry.unique_name), entry)


def test_an_asset_of_exactly_the_asked_name_goes_before_one_that_was_uploaded_under_it(make_entry: MakeEntry) -> None:
    plain, converted = make_entry(*CAT, convert=False), make_entry(*CAT)
    assert plain.unique_name != converted.unique_name
    assert answer(Form("full", "/DEV/cat.jpg"), plain, converted) == Stored(plain)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("/DEV/cat.jpg", ["/DEV/cat.jpg", "/DEV/cat.webp"]),
        ("/DEV/cat.webp", ["/DEV/cat.webp", "/DEV/cat.gif"]),
    ],
)
def test_an_asked_name_may_mean_itself_or_what_was_uploaded_under_it(name: str, names: list[str]) -> None:
    assert candidates(Form("full", name)) == names


def test_every_redirect_leads_to_an_answer(make_entry: MakeEntry) -> None:
    entry = make_entry(*CAT)
    for kind, name in (("original", "/DEV/cat.webp"), ("full", "/DEV/cat.jpg")):
        redirect = answer(Form(kind, name), entry)  # type: ignore[arg-type]
        assert isinstance(redirect, Redirect)
        target = redirect.path.removeprefix(f"/{kind}")
        assert isinstance(answer(Form(kind, target), entry), Stored | Rendition)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "plan"),
    [
        (Form("full", "/DEV/cat.webp", 200, 100, fit="fill"), Plan(200, 100, fit="fill")),
        (Form("full", "/DEV/cat.webp", 200, 100, dpr=1.5, max_bytes=9), Plan(300, 150, max_bytes=9)),
        (Form("full", "/DEV/cat.webp", 200, 100, focus="smart"), Plan(200, 100, focus="smart")),
        (Form("full", "/DEV/cat.webp", format="avif"), Plan(format="avif")),
        (Form("full", "/DEV/cat.webp", accepted="avif"), Plan(format="avif")),
        (Form("full", "/DEV/cat.webp", format="webp", accepted="plain"), Plan()),
        # What changes no byte makes no other plan.
        (Form("full", "/DEV/cat.webp", 200, 100, fit="contain", focus=Focus(0, 0)), Plan(200, 100, fit="contain")),
        (Form("full", "/DEV/cat.webp", 200, 100, focus=Focus(0.5, 0.5), format="webp"), Plan(200, 100)),
        (effective(Form("full", "/DEV/cat.webp", 200, fit="fill", focus="smart")), Plan(200)),
        (Form("full", "/DEV/cat.webp", dpr=3), Plan()),
    ],
)
def test_what_is_asked_for_is_what_is_made(asked: Form, plan: Plan) -> None:
    assert plan_of(asked) == plan


@pytest.mark.parametrize("argument", ARGUMENTS, ids=lambda argument: argument.name)
def test_each_argument_changes_the_plan(argument: Argument) -> None:
    query = {"width": "200", "height": "100"}
    path, side_max = "/assets/media/full/DEV/cat.webp", 8192
    other = {"width": "300", "height": "200", "format": "png", "fit": "fill", "crop": "smart", "dpr": "2"}
    without = parse(path, urlencode(query), side_max)
    form = parse(path, urlencode({**query, argument.name: other.get(argument.name, "5")}), side_max)
    assert plan_of(form) != plan_of(without)
    assert canonical(form) != canonical(without)


@pytest.mark.parametrize(
    ("asked", "focus"),
    [
        (Form("optimise", "/DEV/cat.webp", 200, 100), Focus(0.1, 0.9)),
        (Form("full", "/DEV/cat.webp", 200, 100, quality=9), Focus(0.1, 0.9)),
        (Form("optimise", "/DEV/cat.webp", 200, 100, focus=Focus(0.3, 0)), Focus(0.3, 0)),
        (Form("optimise", "/DEV/cat.webp", 200, 100, focus=Focus(0.5, 0.5)), None),
        (Form("optimise", "/DEV/cat.webp", 200, 100, focus="smart"), "smart"),
        (Form("optimise", "/DEV/cat.webp", 200), None),
        (Form("optimise", "/DEV/cat.webp", 200, 100, fit="contain"), None),
    ],
)
def test_a_cut_without_a_place_of_its_own_is_made_around_the_focal_point(
    make_entry: MakeEntry, asked: Form, focus: Focus | str | None
) -> None:
    made = answer(asked, make_entry(*CAT, focus_x=0.1, focus_y=0.9))
    assert isinstance(made, Rendition)
    assert made.plan.focus == focus


def test_a_format_makes_a_picture_of_what_is_delivered_as_stored_otherwise(make_entry: MakeEntry) -> None:
    photo, drawing = make_entry(*CAT, convert=False), make_entry("cat.svg", "image/svg+xml")
    assert answer(Form("full", "/DEV/cat.jpg", format="jpeg"), photo) == Rendition(photo, Plan(format="jpeg"))
    assert answer(Form("optimise", "/DEV/cat.svg", format="png"), drawing) == Rendition(drawing, Plan(format="png"))
    assert answer(Form("full", "/DEV/cat.svg", format="png"), drawing) == Stored(drawing)
    # What a client could show is no wish for a picture.
    assert answer(Form("full", "/DEV/cat.jpg", accepted="avif"), photo) == Stored(photo)


def test_a_blur_makes_a_picture_of_what_is_delivered_as_stored_otherwise(make_entry: MakeEntry) -> None:
    photo, drawing = make_entry(*CAT, convert=False), make_entry("cat.svg", "image/svg+xml")
    blurred = Plan(effects=(Blur(5),))
    assert answer(Form("full", "/DEV/cat.jpg", effects=(("blur", 5),)), photo) == Rendition(photo, blurred)
    assert answer(Form("optimise", "/DEV/cat.svg", effects=(("blur", 5),)), drawing) == Rendition(drawing, blurred)
    assert answer(Form("full", "/DEV/cat.svg", effects=(("blur", 5),)), drawing) == Stored(drawing)
    assert answer(Form("original", "/DEV/cat.jpg", effects=(("blur", 5),)), photo) == Stored(photo)


LENGTH = st.integers(1, 9999)
THIN = 300
"""Pixels of the shorter side of a reduction: with fewer, its rounding can be seen in what is cut out of it."""
SIDES = st.tuples(st.integers(0, 1200), st.integers(0, 1200))


@given(LENGTH, LENGTH, SIDES, st.sampled_from(get_args(Fit)), st.sampled_from([None, "smart", Focus(0.2, 0.9)]))
def test_a_rendition_from_a_reduction_has_the_size_of_one_from_the_upload(
    width: int, height: int, sides: tuple[int, int], how: Any, focus: Any
) -> None:
    entry = made_entry(*CAT).with_facts(Facts(width, height))
    scale = min(1, 1024 / max(width, height))
    first = max(1, round(width * scale)), max(1, round(height * scale))
    second = Part(5, 2, -(-first[0] // 2), -(-first[1] // 2))
    reduction = a_reduction(entry, width=first[0], height=first[1], smaller=(second,))
    plan = Plan(*sides, fit=how, focus=focus)
    decision = with_reduction(Rendition(entry, plan), reduction, 8192)
    assert isinstance(decision, Rendition)
    whole = fit(width, height, plan, 8192)
    fits = whole.width <= 0.54 * reduction.width and whole.height <= 0.54 * reduction.height
    if not fits or min(first) >= THIN or not whole.cuts:
        assert (decision.reduced is not None) is fits
    if decision.reduced:
        made = decision.reduced
        assert made.plan.reduced
        box = fit(made.plan.reduced.width, made.plan.reduced.height, made.plan, 8192)
        assert (box.crop_width, box.crop_height) == (whole.crop_width, whole.crop_height)
        assert abs(box.width - whole.width) <= 1
        assert abs(box.height - whole.height) <= 1
        assert (made.entry.storage_key, made.entry.unique_name) == (reduction.storage_key, entry.unique_name)
        assert made.plan.focus == plan.focus


@pytest.mark.parametrize(
    ("sides", "plan", "part"),
    [
        ((8414, 20), Plan(131, 1), None),  # 421 pixels wide before it is cut, and 512 from 1024x2.
        ((8414, 20), Plan(131), 0),  # Nothing is cut.
        ((9000, 450), Plan(10, 10), 0),  # 200, and 201 from 1024x51, but 197 from 512x26.
        ((4032, 3024), Plan(100, 100), 1),
    ],
)
def test_a_cut_of_a_thin_picture_shows_as_much_from_a_reduction_as_from_the_upload(
    make_entry: MakeEntry, sides: tuple[int, int], plan: Plan, part: int | None
) -> None:
    entry, height = make_entry(*CAT).with_facts(Facts(*sides)), round(1024 * sides[1] / sides[0])
    second = Part(5, 2, 512, -(-height // 2))
    reduction = a_reduction(entry, width=1024, height=height, smaller=(second,))
    decision = with_reduction(Rendition(entry, plan), reduction, 8192)
    assert isinstance(decision, Rendition)
    used = decision.reduced.plan.reduced if decision.reduced else None
    assert used == (None if part is None else reduction.parts[part])


def test_a_rendition_is_made_from_the_smallest_picture_of_a_reduction_that_suffices(make_entry: MakeEntry) -> None:
    entry, second = make_entry(*CAT).with_facts(Facts(4032, 3024)), Part(5, 2, 504, 378)
    reduction = a_reduction(entry, smaller=(second,))
    for width, part in ((200, second), (272, second), (273, reduction.parts[0])):
        decision = with_reduction(Rendition(entry, Plan(width)), reduction, 8192)
        assert isinstance(decision, Rendition)
        assert decision.reduced
        assert decision.reduced.plan.reduced == part
        assert (decision.reduced.entry.width, decision.reduced.entry.height) == (part.width, part.height)
        assert (decision.reduced.entry.size, decision.reduced.entry.signature) == (reduction.size, reduction.digest)


def test_what_is_not_a_rendition_needs_no_reduction(make_entry: MakeEntry) -> None:
    entry = make_entry(*CAT).with_facts(Facts(2000, 1500))
    for decision in (Missing(), Placeholder(), Stored(entry), Redirect(entry, "/DEV/cat.webp")):
        assert with_reduction(decision, a_reduction(entry), 8192) == decision


def test_a_reduction_is_used_only_for_the_bytes_that_it_shows_and_sides_that_are_known(make_entry: MakeEntry) -> None:
    entry = make_entry(*CAT).with_facts(Facts(2000, 1500))
    small = Rendition(entry, Plan(200))
    used = with_reduction(small, a_reduction(entry), 8192)
    assert isinstance(used, Rendition)
    assert used.reduced
    assert with_reduction(small, None, 8192) == small
    assert with_reduction(small, a_reduction(entry, of="aa" * 32), 8192) == small
    unknown = Rendition(make_entry(*CAT), Plan(200))
    assert with_reduction(unknown, a_reduction(unknown.entry), 8192) == unknown


@pytest.mark.parametrize(
    ("made_as", "media_type", "used"),
    [
        ("webp", "image/jpeg", True),
        ("webp", "image/webp", True),
        ("avif", "image/jpeg", True),
        ("jpeg", "image/webp", True),
        ("plain", "image/jpeg", True),
        ("plain", "image/webp", False),
        ("png", "image/jpeg", False),
        ("png", "image/webp", False),
    ],
)
def test_what_is_encoded_without_loss_is_not_made_from_a_reduction(
    make_entry: MakeEntry, made_as: Format, media_type: str, used: bool
) -> None:
    entry = make_entry(*CAT).with_facts(Facts(2000, 1500))
    decision = with_reduction(
        Rendition(entry, Plan(200, format=made_as)), a_reduction(entry, media_type=media_type), 8192
    )
    assert isinstance(decision, Rendition)
    assert (decision.reduced is not None) is used
