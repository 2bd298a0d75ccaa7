"""Pixels are scaled by one library or another: which of them does it must hardly be seen."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from services.transform.render import pipeline, resizer
from services.transform.render.guard import Limits
from services.transform.render.jpeg import Pixels
from services.transform.render.plan import Plan
from services.transform.render.source import inspect
from services.transform.render.steps.load import load
from tests.support.photographs import CHINA
from tests.support.stages import order

PHOTOGRAPH = np.asarray(Image.open(CHINA).convert("RGB"))
MEAN, MOST = 0.5, 30
"""Levels of 256 by which two implementations of one filter may differ, as a mean and at the sharpest edge."""


def pixels(width: int, height: int, beyond: int = 0) -> Pixels:
    """Return a part of a photograph; so many more columns and rows in memory are black."""
    held = np.zeros((height + beyond, width + beyond, 3), dtype=np.uint8)
    held[:height, :width] = PHOTOGRAPH[:height, :width]
    return Pixels(held.tobytes(), width, height, width + beyond, height + beyond, b"profile")


def by_pillow(source: Pixels, width: int, height: int) -> np.ndarray:
    image = Image.frombytes("RGB", (source.stride, source.rows), source.content)
    box = (0, 0, source.width, source.height)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box)).reshape(-1).astype(int)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), beyond=st.sampled_from([0, 1, 7]))
def test_it_makes_the_pixels_of_the_filter(data: st.DataObject, beyond: int) -> None:
    source = pixels(data.draw(st.integers(60, 640)), data.draw(st.integers(60, 427)), beyond)
    width, height = (round(side / data.draw(st.floats(1.1, 8))) for side in (source.width, source.height))
    made = resizer.scaled(source, width, height)
    assert (made.width, made.height, made.stride, made.rows) == (width, height, width, height)
    assert made.profile == b"profile"
    apart = np.abs(np.frombuffer(made.content, dtype=np.uint8) - by_pillow(source, width, height))
    assert apart.mean() <= MEAN
    assert apart.max() <= MOST


@pytest.mark.parametrize(("sides", "to"), [((640, 2), (80, 1)), ((1, 427), (1, 3)), ((640, 427), (1, 1))])
def test_pictures_of_any_shape_are_scaled(sides: tuple[int, int], to: tuple[int, int]) -> None:
    made = resizer.scaled(pixels(*sides), *to)
    assert len(made.content) == to[0] * to[1] * 3


def test_a_picture_that_has_its_size_is_not_touched() -> None:
    source = pixels(300, 200)
    assert resizer.scaled(source, 300, 200) is source


def test_without_it_libvips_scales_and_nobody_sees_that(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(width=200, format="png")
    assert resizer.IS_HERE, "its wheel is for the machines of the tests"
    quick = pipeline.render(CHINA.read_bytes(), plan, Limits())
    monkeypatch.setattr(resizer, "IS_HERE", False)
    slow = pipeline.render(CHINA.read_bytes(), plan, Limits())
    assert (quick.width, quick.height) == (slow.width, slow.height)
    assert compute_ssimulacra2(io.BytesIO(slow.content), io.BytesIO(quick.content)) > 90


def test_scaled_pixels_are_handed_on_as_they_are_until_something_changes_them(photos: dict[str, bytes]) -> None:
    plan = Plan(width=200)
    picture = load(inspect(photos["china.jpg"], plan, Limits()), order(plan))
    assert picture.pixels == picture.image.write_to_memory()
    assert picture.showing(picture.image.rot90()).pixels is None
