"""Two builds of libwebp: which of them encodes must not be seen."""

import io
import threading

import numpy as np
import pytest
import pyvips
from PIL import Image

from services.transform.render import libwebp, pipeline
from services.transform.render.guard import Limits
from services.transform.render.libvips import Error
from services.transform.render.plan import Plan
from services.transform.render.steps import encode
from services.transform.render.stop import Stop
from tests.support.photographs import CHINA


def noise(width: int, height: int) -> bytearray:
    return bytearray(np.random.default_rng(1).bytes(3 * width * height))


@pytest.mark.parametrize("width", [37, 200, 640])
def test_it_makes_what_the_encoder_of_libvips_makes(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = pipeline.render(CHINA.read_bytes(), Plan(width=width), Limits())
    monkeypatch.setattr(encode, "_is_plain_webp", lambda *_: False)
    slow = pipeline.render(CHINA.read_bytes(), Plan(width=width), Limits())
    # Today the bytes are the same. Wheels with different versions of libwebp would be fine, too, as long as
    assert abs(len(quick.content) - len(slow.content)) <= 0.02 * len(slow.content)
    pictures = [np.asarray(Image.open(io.BytesIO(made.content)), dtype=float) for made in (quick, slow)]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).mean() < 1


@pytest.mark.parametrize("effort", [2, 4])
@pytest.mark.parametrize("size", [(1, 1), (401, 303), (1200, 900)])
def test_it_is_told_quality_and_effort_as_pillow_tells_them(size: tuple[int, int], effort: int) -> None:
    pixels, out = noise(*size), io.BytesIO()
    Image.frombytes("RGB", size, bytes(pixels)).save(out, "WEBP", quality=61, method=effort)
    assert libwebp.encode(pixels, *size, 61, effort, Stop()) == out.getvalue()


@pytest.mark.parametrize("effort", [2, 4])
def test_a_large_picture_is_not_encoded_to_its_end_when_that_is_stopped(effort: int) -> None:
    stop, pixels = Stop(), noise(1600, 1200)
    encoding = threading.Timer(0.03, stop.pull, [ZeroDivisionError()])
    encoding.start()
    with pytest.raises(Error, match="error 10"):  # VP8_ENC_ERROR_USER_ABORT
        libwebp.encode(pixels, 1600, 1200, 80, effort, stop)
    encoding.join()
    stop.over()


def test_what_the_format_cannot_hold_is_an_error_that_tells_nothing_of_other_pictures() -> None:
    pyvips.vips_lib.vips_foreign_find_load_buffer(b"another picture", 15)
    assert pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer()), "libvips has an error to tell"
    with pytest.raises(Error) as caught:
        libwebp.encode(noise(16384, 1), 16384, 1, 80, 4, Stop())
    pyvips.vips_lib.vips_error_clear()
    assert str(caught.value).splitlines()[-1].strip() == "libwebp: error 5"  # VP8_ENC_ERROR_BAD_DIMENSION


@pytest.mark.parametrize("missing", [1, -1])
def test_nothing_is_read_beside_the_pixels(missing: int) -> None:
    with pytest.raises(ValueError, match="are not the pixels of 40x30"):
        libwebp.encode(bytearray(3 * 40 * 30 - missing), 40, 30, 80, 4, Stop())
