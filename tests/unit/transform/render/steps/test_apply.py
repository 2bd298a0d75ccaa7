from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from services.core.addresses.values import Format
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.pictures import FRAMES, animation, encoded, frames_of, is_near
from tests.support.pixels import decode, distance


@dataclass(frozen=True)
class Inverted:
    def apply(self, image: Any) -> Any:
        return image * -1 + 255


@dataclass(frozen=True)
class Darker:
    def apply(self, image: Any) -> Any:
        # A fourth band, or a second one, is transparency.
        return image * ([0.5] * (image.bands - 1) + [0.5 if image.bands % 2 else 1])


@dataclass(frozen=True)
class Smoothed:
    def apply(self, image: Any) -> Any:
        return image.gaussblur(8)


def render(source: bytes, plan: Plan) -> bytes:
    return pipeline.render(source, plan, Limits()).content


def picture(colour: tuple[int, int, int] = (200, 100, 40)) -> bytes:
    return encoded(Image.new("RGB", (60, 40), colour), "PNG")


def test_effects_are_applied_in_their_order() -> None:
    found = [
        decode(render(picture(), Plan(format="png", effects=effects))).getpixel((30, 20))
        for effects in ((), (Darker(),), (Darker(), Inverted()), (Inverted(), Darker()))
    ]
    assert found == [(200, 100, 40), (100, 50, 20), (155, 205, 235), (27, 77, 107)]


def test_an_effect_sees_the_result_of_the_cut() -> None:
    seen: list[tuple[int, int]] = []

    @dataclass(frozen=True)
    class Seeing:
        def apply(self, image: Any) -> Any:
            seen.append((image.width, image.height))
            return image

    render(picture(), Plan(20, 20, effects=(Seeing(),)))
    render(animation("WEBP", (120, 80)), Plan(30, 40, effects=(Seeing(),)))
    assert seen == [(20, 20)] + [(30, 40)] * len(FRAMES)


@pytest.mark.parametrize("size", [(0, 0), (60, 40), (40, 40)])
def test_frames_do_not_run_into_one_another(size: tuple[int, int]) -> None:
    frames = [Image.new("RGB", (120, 80), mark) for mark in FRAMES]
    source = encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=[100, 200, 300], lossless=True
    )
    shown = frames_of(render(source, Plan(*size, quality=95, effects=(Smoothed(),))))
    assert [duration for duration, _ in shown] == [100, 200, 300]
    for (_, frame), mark in zip(shown, FRAMES, strict=True):
        for at in (0, frame.height - 1):
            found = frame.getpixel((frame.width // 2, at))
            assert isinstance(found, tuple)
            assert is_near(found, mark, 12)


def test_a_hidden_colour_does_not_bleed_into_what_is_seen() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 31, 63), fill=(255, 255, 255, 255))
    shown = decode(render(encoded(image, "PNG"), Plan(format="png", effects=(Smoothed(),))))
    assert shown.mode == "RGBA"
    pixels = np.asarray(shown)
    assert pixels[pixels[..., 3] > 8].min(axis=0)[:3].min() > 240
    assert 100 < pixels[32, 32, 3] < 156


@pytest.mark.parametrize("wanted", ["webp", "avif", "jpeg", "png", "plain"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_every_kind_of_picture_takes_effects(wanted: Format, mode: str) -> None:
    if mode == "I;16":
        grey, source = 156, encoded(Image.fromarray(np.full((40, 60), 40_000, dtype=np.uint16)), "PNG")
    else:
        grey, source = 200, encoded(Image.new("RGB", (60, 40), (200, 200, 200)).convert(mode), "PNG")
    for effects, expected in (((), grey), ((Darker(),), grey // 2)):
        shown = decode(render(source, Plan(30, format=wanted, effects=effects))).convert("RGB")
        assert shown.size == (30, 20)
        assert is_near(shown.getpixel((15, 10)), (expected, expected, expected), 3)  # type: ignore[arg-type]


def test_a_drawn_document_takes_effects() -> None:
    source = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><path d="M0 0h20v9z" fill="#fff"/></svg>'
    shown = decode(render(source, Plan(40, format="png", effects=(Darker(),))))
    assert shown.size == (40, 20)
    assert shown.getpixel((38, 4)) == (127, 127, 127, 255)


@pytest.mark.parametrize(("file_format", "wanted"), [("WEBP", "webp"), ("JPEG", "jpeg"), ("PNG", "png")])
def test_a_source_is_not_sent_as_it_is_when_there_are_effects(
    photos: dict[str, bytes], file_format: str, wanted: Format
) -> None:
    image = decode(photos["china.jpg"]).convert("RGB")
    source = encoded(image if file_format != "PNG" else image.quantize(8), file_format, **_LOW.get(file_format, {}))
    as_it_is = render(source, Plan(format=wanted))
    assert distance(as_it_is, decode(source).convert("RGB")) < 1
    assert distance(render(source, Plan(format=wanted, effects=(Inverted(),))), decode(source).convert("RGB")) > 20


_LOW: dict[str, dict[str, object]] = {"WEBP": {"quality": 20}, "JPEG": {"quality": 20, "optimize": True}}
