import itertools
import re
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from services.core.addresses import presets
from services.core.addresses.arguments import ARGUMENTS
from services.core.addresses.form import Form, parse
from services.core.addresses.presets import Allowed, resolve
from services.core.addresses.spellings import Decimal, Number, Point
from services.core.addresses.values import Focus
from services.core.errors import BadRequest
from services.transform.settings import TransformSettings

PRESETS = {
    "thumb": "200x100?fit=contain&quality=70",
    "hero-2": "1600x0",
    "dense": "90x0?dpr=2&format=webp",
    "whole": "0x0?quality=5",
}
NAME = "/DEV/cat.webp"


def ask(path: str, query: str = "") -> Form:
    """Read an address, and what its preset stands for."""
    return resolve(parse(f"/assets/media/{path}", query, 8192, PRESETS), PRESETS, 8192)


def test_a_preset_stands_for_a_size_and_its_arguments() -> None:
    thumb = Form("optimise", NAME, 200, 100, 70, fit="contain", preset="thumb")
    assert ask(f"optimise/thumb{NAME}") == thumb
    assert ask(f"optimise/thumb/image{NAME}") == thumb
    assert thumb.path(NAME) == f"/optimise/thumb{NAME}"
    full = ask(f"full{NAME}", "preset=thumb")
    assert (full.kind, full.width, full.fit, full.path(NAME)) == ("full", 200, "contain", f"/full{NAME}")


def test_only_the_density_counts_beside_a_preset() -> None:
    asked = ask(f"optimise/hero-2{NAME}", "width=5&quality=5&format=png&fit=fill&crop=smart&max_kb=1&dpr=2")
    assert asked == Form("optimise", NAME, 1600, 0, dpr=2, preset="hero-2")


def test_the_density_of_an_address_goes_before_that_of_its_preset() -> None:
    assert ask(f"optimise/dense{NAME}").dpr == 2
    assert ask(f"optimise/dense{NAME}", "dpr=3").dpr == 3
    # As in the gateway's key, where it is left out.
    assert ask(f"optimise/dense{NAME}", "dpr=1").dpr == 2


def test_what_a_client_accepts_counts_when_a_preset_names_no_format() -> None:
    assert ask(f"optimise/hero-2{NAME}", "accept=avif").accepted == "avif"
    assert ask(f"optimise/dense{NAME}", "accept=avif").accepted == "webp"


def test_a_preset_without_a_side_makes_no_picture_of_what_is_delivered_as_stored() -> None:
    assert not ask("optimise/whole/DEV/cat.png").is_picture


def test_a_density_is_no_more_than_the_largest_side_allows() -> None:
    assert ask(f"optimise/4096x10{NAME}", "dpr=4").dpr == 2
    assert ask(f"optimise/hero-2{NAME}", "dpr=4").dpr == 4
    assert ask(f"optimise/8192x10{NAME}", "dpr=4").dpr == 1


@pytest.mark.parametrize("preset", ["small", "Thumb", "thumb ", "200x", "200x100"])
def test_a_preset_that_there_is_not_is_a_bad_request(preset: str) -> None:
    with pytest.raises(BadRequest, match="neither a size nor a preset"):
        ask(f"full{NAME}", f"preset={preset}")
    if preset != "200x100":
        with pytest.raises(BadRequest, match="neither a size nor a preset"):
            ask(f"optimise/{preset}{NAME}")


def test_with_only_presets_there_are_presets_originals_and_whole_pictures() -> None:
    allowed = Allowed(PRESETS, only_presets=True)
    for served in (
        Form("original", NAME),
        Form("full", NAME, accepted="avif"),
        Form("optimise", NAME),
        ask(f"optimise/thumb{NAME}", "dpr=2"),
        ask(f"full{NAME}", "preset=hero-2"),
    ):
        allowed.check(served)
    wishes: list[dict[str, Any]] = [
        {"width": 200, "height": 100},
        {"quality": 5},
        {"format": "png"},
        {"max_bytes": 5},
        {"width": 9, "height": 9, "focus": Focus(0, 0)},
    ]
    for wish in wishes:
        with pytest.raises(BadRequest, match="Only presets"):
            allowed.check(Form("full", NAME, **wish))


def test_with_a_list_of_sizes_there_are_no_others_but_those_of_presets() -> None:
    allowed = Allowed(PRESETS, sizes=("400x300", "640x0"))
    for served in (Form("optimise", NAME, 400, 300, 80), Form("full", NAME, 640), Form("full", NAME, quality=50)):
        allowed.check(served)
    allowed.check(ask(f"optimise/thumb{NAME}"))
    for size in ((400, 0), (300, 400), (641, 0)):
        with pytest.raises(BadRequest, match="not served here"):
            allowed.check(Form("optimise", NAME, *size))


def test_with_a_list_of_sizes_each_size_has_few_forms() -> None:
    allowed = Allowed(PRESETS, sizes=("200x0", "90x80"))
    queries = [
        "&".join(f"{name}={value}" for name, value in zip(given, values, strict=True) if value)
        for given in itertools.combinations(["quality", "max_kb", "blur", "crop", "dpr", "format", "fit"], 2)
        for values in itertools.product(*(SOME[name] for name in given))
    ]
    for box, most in (("200x0", 8 * 4 * 5), ("90x80", 8 * 4 * 5 * 4)):
        served = set()
        for query in queries:
            with suppress(BadRequest):
                form = ask(f"optimise/{box}{NAME}", query)
                allowed.check(form)
                served.add(form)
        assert len(served) <= most
        assert {form.dpr for form in served} == {1, 1.5, 2, 3, 4}


SOME = {
    "quality": [str(number) for number in range(101)],
    "max_kb": [str(number) for number in range(20)],
    "blur": ["0", "0.3", "5", "100"],
    "crop": ["", "smart", "0,0", "0.5,0.5", "0.31,0.7"],
    "dpr": ["1", "1.5", "2", "3", "4"],
    "format": ["webp", "avif", "jpeg", "jpg", "png"],
    "fit": ["cover", "contain", "fill"],
}


@pytest.mark.parametrize(
    ("query", "said", "hint"),
    [
        ("quality=83", "quality=83 is not served here", "50, 60, 70, 75, 80, 85, 90"),
        ("max_kb=40", "max_kb is served here only as a part of a preset", "Leave max_kb out"),
        ("blur=5", "blur is served here only as a part of a preset", "Leave blur out"),
        ("crop=0.3,0.5", "crop=0.3,0.5 is not served here", "smart"),
    ],
)
def test_with_a_list_of_sizes_a_refused_argument_is_named_with_what_can_be(query: str, said: str, hint: str) -> None:
    allowed = Allowed(PRESETS, sizes=("90x80",))
    for path in (f"optimise/90x80{NAME}", f"full{NAME}"):
        if "crop" in query and path.startswith("full"):
            continue
        with pytest.raises(BadRequest, match=re.escape(said)) as refusal:
            allowed.check(ask(path, query))
        assert hint in str(refusal.value.hint)
    allowed.check(ask(f"optimise/thumb{NAME}", query))
    Allowed(PRESETS).check(ask(f"optimise/90x80{NAME}", query))


def test_every_argument_has_few_values_where_sizes_are_listed() -> None:
    for argument in ARGUMENTS:
        many = isinstance(argument.spelling, Number | Decimal | Point) and not argument.on_full_alone
        assert (argument.few is not None) == many, argument.name


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("presets", "thumb", "is not a size"),
        ("presets", "thumb:200", "is not a size"),
        ("presets", "thumb:9000x0", "9000"),
        ("presets", "thumb:200x0?qualty=5", "qualty"),
        ("presets", "thumb:200x0?quality=500", "500"),
        ("presets", "thumb:1x1;thumb:2x2", "twice"),
        ("presets", "Thumb:1x1", "small letters"),
        ("presets", "image:1x1", "image"),
        ("presets", "200x200:1x1", "small letters"),
        ("allowed_sizes", "200", "ALLOWED_SIZES"),
        ("allowed_sizes", "0200x0", "ALLOWED_SIZES"),
        ("only_presets", True, "ONLY_PRESETS"),
    ],
)
def test_a_setting_that_cannot_be_says_so_at_the_start(setting: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TransformSettings(**{setting: value})


def test_presets_are_read_from_one_line() -> None:
    read = TransformSettings(presets="thumb: 200x100?fit=contain&quality=70 ; hero-2:1600x0;")  # type: ignore[arg-type]
    assert read.presets == {name: PRESETS[name] for name in ("thumb", "hero-2")}


def test_presets_are_read_with_what_they_stand_for() -> None:
    assert presets.read(" thumb: 200x200?fit=contain&quality=70;hero-2:1600x0 ;; ") == {
        "thumb": "200x200?fit=contain&quality=70",
        "hero-2": "1600x0",
    }
    assert presets.read("") == {}


@pytest.mark.parametrize("text", ["Thumb:1x1", "image:1x1", "1:1x1", ":1x1", "a_b:1x1", f"{'a' * 33}:1x1"])
def test_a_name_that_no_address_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a preset's name has small letters"):
        presets.read(text)


def test_a_name_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="'thumb' is there twice"):
        presets.read("thumb:1x1;thumb:2x2")
