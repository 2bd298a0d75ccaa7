import pytest

from services.core.addresses.values import Format
from services.transform.render.formats import QUALITY_MIN
from services.transform.render.libvips import Image
from services.transform.render.plan import Plan
from services.transform.render.stages import Encoded
from services.transform.render.steps.budget import budget
from services.transform.render.steps.encode import encode
from tests.support.stages import order, picture


def noise() -> Image:
    bands = [Image.gaussnoise(120, 90, sigma=40, mean=128, seed=seed) for seed in (1, 2, 3)]
    return bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb").copy_memory()


def encoded(plan: Plan) -> Encoded:
    return encode(picture(noise()), order(plan))


@pytest.mark.parametrize("wanted", ["webp", "avif", "jpeg", "png"])
def test_a_budget_is_met_with_the_best_quality_that_fits(wanted: Format) -> None:
    most = len(encoded(Plan(format=wanted)).content) * 7 // 10
    plan = Plan(format=wanted, max_bytes=most)
    found = budget(encoded(plan), order(plan))
    assert most // 3 < len(found.content) <= most


@pytest.mark.parametrize("plan", [Plan(), Plan(max_bytes=1_000_000)])
def test_what_has_no_budget_or_keeps_to_it_is_left_alone(plan: Plan) -> None:
    given = encoded(plan)
    assert budget(given, order(plan)) is given


def test_a_budget_that_cannot_be_met_is_come_as_near_to_as_is_of_use() -> None:
    plan = Plan(max_bytes=10)
    assert budget(encoded(plan), order(plan)).content == encoded(Plan(quality=QUALITY_MIN)).content
