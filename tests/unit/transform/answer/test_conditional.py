from hypothesis import given
from hypothesis import strategies as st

from services.transform.answer.conditional import form
from services.transform.render.plan import Focus, Plan

shares = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
plans = st.builds(
    Plan,
    width=st.integers(0, 9999),
    height=st.integers(0, 9999),
    quality=st.integers(0, 100),
    format=st.sampled_from(["webp", "avif", "jpeg", "png", "plain"]),
    fit=st.sampled_from(["cover", "contain", "fill"]),
    focus=st.none() | st.just("smart") | st.builds(Focus, shares, shares),
    max_bytes=st.integers(0, 10**7),
)


@given(plans, plans)
def test_two_forms_have_one_etag_only_if_they_have_the_same_bytes(one: Plan, other: Plan) -> None:
    assert (form(one, 2) == form(other, 2)) == (one == other)


@given(plans)
def test_an_etag_changes_with_the_renderer_and_fits_into_a_header(plan: Plan) -> None:
    assert form(plan, 2) != form(plan, 3)
    assert all("!" <= letter <= "~" and letter != '"' for letter in form(plan, 2))


def test_what_is_usual_is_left_out_of_an_etag() -> None:
    assert form(Plan(200, 0), 2) == "200x0q0r2"
