from dataclasses import dataclass, fields
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from services.core.addresses.values import Fit, Focus, Format
from services.core.assets.reductions import Part
from services.transform.answer.conditional import form
from services.transform.render.plan import Plan


@dataclass(frozen=True, slots=True)
class Tinted:
    """Stands for any effect."""

    strength: float

    def apply(self, image: Any) -> Any:
        return image


shares = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "width": st.integers(0, 9999),
    "height": st.integers(0, 9999),
    "quality": st.integers(0, 100),
    "format": st.sampled_from(get_args(Format)),
    "fit": st.sampled_from(get_args(Fit)),
    "focus": st.none() | st.just("smart") | st.builds(Focus, shares, shares),
    "max_bytes": st.integers(0, 10**7),
    "effects": st.lists(st.builds(Tinted, shares), max_size=2).map(tuple),
    "reduced": st.none() | st.builds(Part, *[st.integers(0, 10**7)] * 4),
}
plans = st.builds(Plan, **VALUES)


def test_every_field_of_a_plan_is_varied() -> None:
    assert VALUES.keys() == {field.name for field in fields(Plan)}


@given(plans, plans)
def test_two_forms_have_one_etag_only_if_they_have_the_same_bytes(one: Plan, other: Plan) -> None:
    assert (form(one, 2) == form(other, 2)) == (one == other)


@given(plans)
def test_an_etag_changes_with_the_renderer_and_fits_into_a_header(plan: Plan) -> None:
    assert form(plan, 2) != form(plan, 3)
    assert all("!" <= letter <= "~" and letter != '"' for letter in form(plan, 2))


def test_what_is_usual_is_left_out_of_an_etag() -> None:
    assert form(Plan(200, 0), 2) == "200x0q0r2"
