"""Two builds of libwebp: which of them encodes must not be seen."""

import io
from pathlib import Path

import numpy as np
import pytest
import pyvips
import sklearn
from PIL import Image

from services.transform.render import pipeline, webp
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

CHINA = Path(sklearn.__file__).parent / "datasets/images/china.jpg"


@pytest.mark.parametrize("width", [37, 200, 640])
def test_the_quick_encoder_makes_what_that_of_libvips_makes(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = pipeline.render(CHINA.read_bytes(), Plan(width=width), Limits())
    monkeypatch.setattr(webp, "PIXELS_MAX", 0)
    slow = pipeline.render(CHINA.read_bytes(), Plan(width=width), Limits())
    # Today the bytes are the same. Wheels with different versions of libwebp would be fine, too, as long as
    assert abs(len(quick.content) - len(slow.content)) <= 0.02 * len(slow.content)
    pictures = [np.asarray(Image.open(io.BytesIO(made.content)), dtype=float) for made in (quick, slow)]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).mean() < 1


def test_what_could_take_long_is_left_to_the_encoder_that_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def encode(pixels: bytes, width: int, height: int, quality: int, effort: int) -> bytes:
        used.append(width * height)
        return b"webp"

    monkeypatch.setattr(webp, "encode", encode)
    for width, height in ((2000, 2000), (2001, 2000)):
        source = pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb").pngsave_buffer(compression=1)
        pipeline.render(source, Plan(), Limits())
    assert used == [4_000_000]


def test_transparency_and_animation_are_kept() -> None:
    transparent = Image.new("RGBA", (40, 30), (255, 0, 0, 100))
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    for save, expected in (
        (lambda out: transparent.save(out, "PNG"), ("RGBA", 1)),
        (lambda out: frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100), ("RGB", 2)),
    ):
        out = io.BytesIO()
        save(out)
        made = Image.open(io.BytesIO(pipeline.render(out.getvalue(), Plan(), Limits()).content))
        assert (made.mode, getattr(made, "n_frames", 1)) == expected
