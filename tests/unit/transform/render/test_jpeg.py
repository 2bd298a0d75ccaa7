"""Two builds of one decoder: which of them decodes must not be seen."""

import io

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.transform.render import jpeg, pipeline, resizer
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stop import Stop
from tests.support.photographs import CHINA

LIBVIPS = pyvips.Image.jpegload_buffer


class Enough(Exception):
    """Why a render is stopped here."""


def photograph(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.open(CHINA).resize((width, height)).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def tagged() -> bytes:
    """Return a small JPEG with all that is read of its headers: EXIF with a resolution, a profile, a comment."""
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x0128] = 6, 72.0, 2
    return photograph(40, 30, exif=exif, icc_profile=b"profile" * 30, comment=b"hello")


TAGGED = tagged()


@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(8, 300),
    height=st.integers(8, 300),
    quality=st.sampled_from([30, 80, 97]),
    subsampling=st.sampled_from([0, 1, 2]),
    progressive=st.booleans(),
    shrink=st.sampled_from([1, 2, 4, 8]),
)
def test_the_quick_decoder_makes_the_pixels_that_libvips_makes(
    width: int, height: int, quality: int, subsampling: int, progressive: bool, shrink: int
) -> None:
    source = photograph(width, height, quality=quality, subsampling=subsampling, progressive=progressive)
    quick, slow = jpeg.decode(source, shrink, Stop()), LIBVIPS(source, shrink=shrink)
    assert quick is not None
    assert (quick.width, quick.height) == (slow.width, slow.height)
    rows = np.frombuffer(quick.content, dtype=np.uint8).reshape(quick.rows, quick.stride, 3)
    assert rows[: quick.height, : quick.width].tobytes() == slow.write_to_memory()


@pytest.mark.parametrize(
    "source",
    [
        photograph(64, 64, "L"),
        photograph(64, 64, "CMYK"),
        photograph(64, 64)[:900],
        b"\xff\xd8\xff\xe0 and no more",
        b"",
        # Nothing would be left of it.
        photograph(64, 3),
    ],
)
def test_what_it_does_not_take_is_left_to_libvips(source: bytes) -> None:
    assert jpeg.decode(source, 4, Stop()) is None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_is_broken_is_left_to_libvips_or_decoded(data: st.DataObject) -> None:
    source = bytearray(TAGGED)
    for _ in range(data.draw(st.integers(1, 8))):
        source[data.draw(st.integers(2, len(source) - 1))] = data.draw(st.integers(0, 255))
    found = jpeg.decode(bytes(source), data.draw(st.sampled_from([1, 2, 4])), Stop())
    assert found is None or len(found.content) == found.stride * found.rows * 3


def test_what_would_take_much_memory_is_left_to_libvips(monkeypatch: pytest.MonkeyPatch) -> None:
    source = photograph(400, 300)
    monkeypatch.setattr(jpeg, "PIXELS_MAX", 100 * 75)
    assert jpeg.decode(source, 2, Stop()) is None
    assert jpeg.decode(source, 4, Stop()) is not None


def test_it_ends_when_it_is_told_to() -> None:
    stop = Stop()
    stop.pull(Enough())
    with pytest.raises(Enough):
        jpeg.decode(CHINA.read_bytes(), 1, stop)
    stop.over()


def test_a_render_is_the_same_by_either_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only what the quick one has decoded is scaled by another library.
    monkeypatch.setattr(resizer, "IS_HERE", False)
    plans = [Plan(width=width) for width in (80, 200, 333)]
    quick = [pipeline.render(CHINA.read_bytes(), plan, Limits()).content for plan in plans]
    monkeypatch.setattr(jpeg, "PIXELS_MAX", 0)
    assert [pipeline.render(CHINA.read_bytes(), plan, Limits()).content for plan in plans] == quick
