import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stop import Stop
from tests.support.pictures import encoded

LIMITS = Limits(avif_pixels=0)


class Enough(Exception):
    """Why a render is stopped here."""


@contextmanager
def pulled_after(stop: Stop, seconds: float) -> Iterator[list[float]]:
    """Stop a render from another thread, and note when."""
    at: list[float] = []

    def pull() -> None:
        at.append(time.perf_counter())
        stop.pull(Enough())

    timer = threading.Timer(seconds, pull)
    timer.start()
    try:
        yield at
    finally:
        timer.cancel()
        timer.join()
        stop.over()


@pytest.fixture(scope="module")
def noise() -> Image.Image:
    """A picture of 8 megapixels that is as hard to encode as one can be: a second or more."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (2400, 3400, 3), dtype=np.uint8))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.2, 0.4])
def test_a_render_ends_soon_after_it_is_told_to_wherever_it_is(
    noise: Image.Image, file_format: str, seconds: float
) -> None:
    source = encoded(noise, file_format, **({"compress_level": 1} if file_format == "PNG" else {}))
    stop = Stop()
    with pulled_after(stop, seconds) as at, pytest.raises(Enough):
        pipeline.render(source, Plan(), LIMITS, stop)
    assert time.perf_counter() - at[0] < 0.5


def test_turning_and_cutting_can_be_stopped_too(noise: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = encoded(noise, "JPEG", exif=exif)
    for plan in (Plan(), Plan(2000, 2000, focus="smart")):
        stop = Stop()
        with pulled_after(stop, 0.1) as at, pytest.raises(Enough):
            pipeline.render(source, plan, LIMITS, stop)
        assert time.perf_counter() - at[0] < 0.5


def test_a_render_that_was_stopped_before_it_began_does_nothing(noise: Image.Image) -> None:
    stop = Stop()
    stop.pull(Enough())
    stop.pull(ZeroDivisionError("later reasons do not count"))
    source, started = encoded(noise, "JPEG"), time.perf_counter()
    with pytest.raises(Enough):
        pipeline.render(source, Plan(), LIMITS, stop)
    assert time.perf_counter() - started < 0.3
    stop.over()


def test_a_drawing_is_stopped_by_ending_its_process() -> None:
    slow = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><path stroke="red" d="M0 0%s"/></svg>'
    stop = Stop()
    with pulled_after(stop, 0.3) as at, pytest.raises(Enough):
        pipeline.render(slow % (b" L64 64 L0 9" * 100_000), Plan(64), Limits(cpu_seconds=30), stop)
    assert time.perf_counter() - at[0] < 0.5


def test_a_stop_that_is_not_pulled_changes_nothing(noise: Image.Image) -> None:
    source = encoded(noise.resize((100, 80)), "JPEG")
    assert pipeline.render(source, Plan(50), LIMITS, Stop()) == pipeline.render(source, Plan(50), LIMITS)
