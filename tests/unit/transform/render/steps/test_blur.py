"""A blur is a Gaussian one, in pixels of the result, and a strong one costs three times what encoding does, at most."""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image

from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.steps.blur import Blur
from tests.support.pictures import FRAMES, animation, encoded, frames_of
from tests.support.pixels import decode

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="60">'
    b'<rect width="50" height="60" fill="#000"/><rect x="50" width="50" height="60" fill="#fff"/></svg>'
)


def render(source: bytes, plan: Plan) -> Image.Image:
    return decode(pipeline.render(source, plan, Limits()).content)


def pixels(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(image.convert("RGB"), dtype=float)


@pytest.mark.parametrize("sigma", [0.3, 0.9, 2, 2.5, 8, 20, 20.5, 60, 100])
def test_a_blur_is_gaussian_also_where_it_is_made_of_a_smaller_picture(photos: dict[str, bytes], sigma: float) -> None:
    source = pyvips.Image.new_from_buffer(photos["china.jpg"], "").copy_memory()
    exact = source.cast("float").gaussblur(sigma, precision="float", min_ampl=0.001).numpy()
    found = Blur(sigma).apply(source)
    assert (found.width, found.height, found.bands) == (source.width, source.height, source.bands)
    off = np.abs(found.numpy().astype(float) - exact)
    assert off.mean() < 2
    assert off.max() < 12


def test_a_weak_blur_is_not_nothing(photos: dict[str, bytes]) -> None:
    sharp, blurred = (
        pixels(render(photos["china.jpg"], Plan(300, format="png", effects=effects))) for effects in ((), (Blur(0.3),))
    )
    assert np.abs(sharp - blurred).max() > 0


def test_a_blur_is_measured_in_pixels_of_the_result(photos: dict[str, bytes]) -> None:
    for side in (80, 320):
        sharp, blurred = (
            render(photos["china.jpg"], Plan(side, format="png", effects=effects)) for effects in ((), (Blur(4),))
        )
        exact = pyvips.Image.new_from_array(np.asarray(sharp.convert("RGB"))).gaussblur(4, precision="float").numpy()
        assert np.abs(pixels(blurred) - exact).mean() < 2
        assert np.abs(pixels(sharp) - exact).mean() > 8, "it is another picture"


def test_every_frame_of_an_animation_is_blurred_by_itself() -> None:
    source = animation("WEBP", (120, 80))
    sharp, blurred = (
        frames_of(pipeline.render(source, Plan(60, effects=effects), Limits()).content) for effects in ((), (Blur(3),))
    )
    assert len(sharp) == len(blurred) == len(FRAMES)
    for (_, before), (_, after) in zip(sharp, blurred, strict=True):
        # Nothing of the frames above and below has come in.
        assert np.abs(pixels(before).mean(axis=(0, 1)) - pixels(after).mean(axis=(0, 1))).max() < 6


def test_a_drawing_is_blurred_when_a_picture_is_made_of_it() -> None:
    sharp, blurred = (pixels(render(SVG, Plan(100, format="png", effects=effects))) for effects in ((), (Blur(5),)))
    assert sharp[30, 40, 0] < 5
    assert 5 < blurred[30, 46, 0] < 250


def test_hidden_colours_do_not_bleed_into_visible_ones() -> None:
    image = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 30, 60))
    red, _, blue, alpha = decode(
        pipeline.render(encoded(image, "PNG"), Plan(format="png", effects=(Blur(25),)), Limits()).content
    ).getpixel((32, 30))  # type: ignore[misc]
    assert red < 10
    assert blue > 240
    assert 0 < alpha < 255


def test_a_source_is_not_sent_as_it_is_when_it_is_to_be_blurred() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    source = encoded(Image.fromarray(noise), "WEBP")
    blurred = pipeline.render(source, Plan(effects=(Blur(9),)), Limits()).content
    assert blurred != source
    assert pixels(decode(blurred)).std() < pixels(decode(source)).std()


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor time that something takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_at_24_megapixels_a_blur_takes_no_more_than_a_few_times_the_time_of_encoding() -> None:
    image = pyvips.Image.gaussnoise(6000, 4000, mean=128, sigma=20).cast("uchar").bandjoin([128, 128]).copy_memory()
    image = image.copy(interpretation="srgb")
    encoding = seconds_of(lambda: image.webpsave_buffer(Q=85, effort=2))
    for sigma in (1, 20, 100):
        assert seconds_of(lambda sigma=sigma: Blur(sigma).apply(image).copy_memory()) < 3 * encoding, sigma
