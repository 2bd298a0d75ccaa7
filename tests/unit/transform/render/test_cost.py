"""What a render costs, compared with what was measured (tests/programs/render_costs.py, 2026-11-30)."""

from dataclasses import replace

import pytest

from services.core.assets.media_types import AVIF, GIF, JPEG, PDF, PNG, SVG, TIFF, WEBP
from services.core.assets.reductions import Part
from services.transform.render.cost import Source, estimate
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.pool import CHEAP_SECONDS
from services.transform.render.steps.blur import Blur

LIMITS = Limits()
PHOTO = Source(JPEG, 3_000_000, 4000, 3000)
CAMERA = Source(JPEG, 9_000_000, 6000, 4000)
REDUCTION = Source(JPEG, 180_000, 1024, 768)
REDUCED = Part(0, 180_000, 1024, 768)

MEASURED = [
    (Source(JPEG, 200_000, 1200, 800), Plan(200), 0.009),
    (Source(JPEG, 200_000, 1200, 800), Plan(800), 0.052),
    (REDUCTION, Plan(200, reduced=REDUCED), 0.0073),
    (REDUCTION, Plan(400, reduced=REDUCED), 0.0176),
    (PHOTO, Plan(200), 0.019),
    (PHOTO, Plan(800), 0.079),
    (PHOTO, Plan(1600), 0.195),
    (PHOTO, Plan(), 0.498),
    (PHOTO, Plan(1600, format="avif"), 0.948),
    (PHOTO, Plan(1600, format="jpeg"), 0.077),
    (PHOTO, Plan(1600, format="png"), 0.166),
    (PHOTO, Plan(format="png"), 0.733),
    (PHOTO, Plan(format="jpeg"), 0.229),
    (PHOTO, Plan(1600, effects=(Blur(1.0),)), 0.238),
    (PHOTO, Plan(800, 800, focus="smart"), 0.133),
    (CAMERA, Plan(200), 0.032),
    (CAMERA, Plan(1600), 0.202),
    (Source(PNG, 12_000_000, 3000, 2000), Plan(200), 0.096),
    (Source(PNG, 12_000_000, 3000, 2000), Plan(1600), 0.240),
    (Source(WEBP, 500_000, 3000, 2000), Plan(200), 0.056),
    (Source(AVIF, 200_000, 2000, 1000), Plan(200), 0.086),
    (Source(GIF, 700_000, 2000, 1000), Plan(200), 0.023),
    (Source(TIFF, 18_000_000, 3000, 2000), Plan(200), 0.023),
]


@pytest.mark.parametrize(("source", "plan", "seconds"), MEASURED)
def test_a_photograph_costs_what_was_measured_within_a_factor_of_two(
    source: Source, plan: Plan, seconds: float
) -> None:
    assert seconds / 2 <= estimate(source, plan, LIMITS) <= seconds * 2


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (Plan(1600), Plan(800)),
        (Plan(), Plan(1600)),
        (Plan(800, max_bytes=1000), Plan(800)),
        (Plan(800, format="png", max_bytes=1000), Plan(800, format="png")),
        (Plan(800, format="avif"), Plan(800)),
        (Plan(800), Plan(800, format="jpeg")),
        (Plan(800, effects=(Blur(5),)), Plan(800)),
        (Plan(800, 800, focus="smart"), Plan(800, 800)),
    ],
)
def test_more_work_costs_more(more: Plan, less: Plan) -> None:
    pictures = (PHOTO, CAMERA, Source(PNG, 9_000_000, 3000, 2000))
    for source in (*pictures, Source(SVG, 900, 3000, 2000), Source(PDF, 9000)):
        assert estimate(source, more, LIMITS) > estimate(source, less, LIMITS)


def test_forms_of_pages_are_cheap_and_what_strangers_ask_for_is_dear() -> None:
    for width in (200, 400, 800, 1200, 1600):
        assert estimate(CAMERA, Plan(width), LIMITS) < 0.35
    assert estimate(CAMERA, Plan(format="png", max_bytes=1024), LIMITS) > 7
    assert estimate(CAMERA, Plan(), LIMITS) > CHEAP_SECONDS
    assert estimate(CAMERA, Plan(1600, format="avif", max_bytes=1024), LIMITS) > CHEAP_SECONDS


def test_a_picture_of_which_nothing_is_known_is_as_large_as_its_bytes_allow() -> None:
    for source in (CAMERA, PHOTO, Source(PNG, 12_000_000, 3000, 2000)):
        unknown = estimate(replace(source, width=0, height=0), Plan(), LIMITS)
        assert unknown >= estimate(source, Plan(), LIMITS) / 2
    assert estimate(Source(JPEG, 30_000), Plan(), LIMITS) < 0.1


def test_an_animation_costs_its_frames_where_it_stays_one() -> None:
    animation = Source(GIF, 8_000_000, 400, 300)
    assert estimate(animation, Plan(), LIMITS) > 20 * estimate(animation, Plan(format="png"), LIMITS)
    assert estimate(Source(GIF, 2**26, 1, 1), Plan(), LIMITS) < 60


@pytest.mark.parametrize("media_type", [JPEG, PNG, WEBP, GIF, AVIF, TIFF, SVG, PDF, "text/plain"])
@pytest.mark.parametrize("size", [0, 1, 10**9])
def test_whatever_an_entry_says_there_is_an_estimate(media_type: str, size: int) -> None:
    for sides in ((0, 0), (1, 1), (10**6, 50), (2**31 - 1, 2**31 - 1)):
        for plan in (Plan(), Plan(1, 8192), Plan(8192, 8192, fit="fill", format="avif"), Plan(9, max_bytes=1)):
            assert 0 < estimate(Source(media_type, size, *sides), plan, LIMITS) < float("inf")


def test_a_form_that_is_made_from_a_reduction_is_cheaper() -> None:
    for side in (200, 400):
        assert estimate(REDUCTION, Plan(side, reduced=REDUCED), LIMITS) < 0.8 * estimate(PHOTO, Plan(side), LIMITS)
