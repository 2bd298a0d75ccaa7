"""A plan is everything that changes bytes: a field that is added to it is known everywhere without further ado."""

from dataclasses import dataclass, fields, make_dataclass, replace
from typing import Any

import pytest

from services.core.addresses.values import Focus
from services.core.assets.reductions import Part
from services.transform.render.plan import Plan, tag


@dataclass(frozen=True, slots=True)
class Grey:
    strength: float = 1.0

    def apply(self, image: Any) -> Any:
        return image


SET: dict[str, Any] = {
    "width": 200,
    "height": 100,
    "quality": 50,
    "format": "avif",
    "fit": "fill",
    "focus": Focus(0.25, 0.5),
    "max_bytes": 2048,
    "effects": (Grey(0.5),),
    "reduced": Part(0, 180_000, 1024, 768),
}
"""A value of each field that is not its default: whoever adds a field adds it here."""
SHAPE = ("width", "height", "fit", "focus", "format")
Grown = make_dataclass("Grown", [("sharpness", float, 0.0)], bases=(Plan,), frozen=True)


def test_each_field_is_known_here() -> None:
    assert [field.name for field in fields(Plan)] == list(SET)


@pytest.mark.parametrize("name", SET)
def test_each_field_changes_the_etag(name: str) -> None:
    assert tag(replace(Plan(), **{name: SET[name]})) != tag(Plan())


@pytest.mark.parametrize("name", SET)
def test_a_source_is_sent_as_it_is_only_when_nothing_but_its_shape_is_planned(name: str) -> None:
    assert replace(Plan(), **{name: SET[name]}).may_be_source == (name in SHAPE)


def test_a_field_that_is_added_changes_the_etag_and_keeps_a_source_from_being_sent() -> None:
    plan = Grown(200, sharpness=2.0)
    assert tag(plan) == "200x0q0sharpness2.0"
    assert not plan.may_be_source
    assert (tag(Grown(200)), Grown(200).may_be_source) == (tag(Plan(200)), True)


def test_effects_are_in_the_etag_in_their_order() -> None:
    assert tag(Plan(200, effects=(Grey(0.5), Grey(2)))) == "200x0q0grey0.5grey2"


def test_a_tag_says_everything_in_a_few_letters() -> None:
    plan = Plan(200, 100, 50, "avif", "fill", Focus(0.25, 0.5), 2048)
    assert tag(plan) == "200x100q50aviffillat0.25,0.5max2048"
