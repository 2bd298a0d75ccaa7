import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from services.core.assets.srgb import is_srgb
from tests.support.colour_profiles import ADOBE_RGB, DISPLAY_P3, srgb, wide_gamut

PHOTOGRAPHS = ("china.jpg", "flower.jpg", "astronaut.png")


def test_the_profiles_of_photographs_are_srgb(photos: dict[str, bytes]) -> None:
    for name in PHOTOGRAPHS:
        assert is_srgb(Image.open(io.BytesIO(photos[name])).info["icc_profile"]), name


def test_littlecms_own_srgb_is_srgb() -> None:
    assert is_srgb(srgb())


@pytest.mark.parametrize("primaries", [ADOBE_RGB, DISPLAY_P3])
def test_wider_primaries_are_not(primaries: dict[bytes, tuple[float, float, float]]) -> None:
    assert not is_srgb(wide_gamut(primaries))


def test_another_tone_curve_is_not() -> None:
    raw = bytearray(srgb())
    at = raw.index(b"para")
    raw[at + 12 : at + 16] = struct.pack(">i", round(1.8 * 65536))
    assert not is_srgb(bytes(raw))


@pytest.mark.parametrize("kind", ["LAB", "XYZ"])
def test_other_spaces_are_not(kind: str) -> None:
    assert not is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes())  # type: ignore[arg-type]


@given(st.integers(0, 600), st.binary(max_size=30))
def test_no_profile_is_too_broken_to_be_asked(at: int, change: bytes) -> None:
    raw = bytearray(srgb())
    raw[at : at + len(change)] = change
    assert is_srgb(bytes(raw)) in (True, False)
    assert is_srgb(bytes(raw[:at])) in (True, False)
    assert not is_srgb(change)
