from dataclasses import replace

import numpy as np
import pytest

from services.core.addresses.values import Format
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.steps.encode import encode
from services.transform.render.stop import Stop
from tests.support.pixels import decode
from tests.support.stages import gradient, order, picture


@pytest.mark.parametrize(
    ("wanted", "alpha", "made"),
    [
        ("webp", None, "image/webp"),
        ("avif", None, "image/avif"),
        ("jpeg", None, "image/jpeg"),
        ("png", None, "image/png"),
        ("plain", None, "image/jpeg"),
        ("plain", 100, "image/png"),
    ],
)
def test_a_picture_becomes_the_bytes_of_its_format(wanted: Format, alpha: int | None, made: str) -> None:
    rendered = encode(picture(gradient(40, 30, alpha=alpha)), order(Plan(format=wanted))).rendered
    assert (rendered.media_type, rendered.width, rendered.height) == (made, 40, 30)
    shown = decode(rendered.content)
    assert (shown.format, shown.size) == (made.partition("/")[2].upper(), (40, 30))


def test_an_avif_of_too_many_pixels_is_a_webp() -> None:
    few = order(Plan(format="avif"), limits=Limits(avif_pixels=40 * 30 - 1))
    assert encode(picture(gradient(40, 30)), few).rendered.media_type == "image/webp"


def test_an_animation_has_the_height_of_one_frame() -> None:
    image = gradient(40, 90).copy()
    image.set_type(image.get_typeof("width"), "page-height", 30)
    rendered = encode(picture(image, frames=3), order()).rendered
    assert (rendered.width, rendered.height, getattr(decode(rendered.content), "n_frames", 1)) == (40, 30, 3)


def test_a_lossless_webp_has_the_pixels_of_the_picture() -> None:
    image = gradient(40, 30)
    shown = decode(encode(picture(image), replace(order(), lossless=True)).content)
    assert np.array_equal(np.asarray(shown.convert("RGB")), image.numpy())


def test_a_render_that_was_stopped_encodes_nothing() -> None:
    stop = Stop()
    stop.pull(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        encode(picture(gradient(40, 30)), order(stop=stop))
    stop.over()
