"""What a container says of its colours: which statement counts, and what it means."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from services.core.assets import colour, icc
from services.core.assets.colour_spaces import BT709, SRGB, Power, Primaries, Space, of_codes, srgb_curve
from tests.support.colour_profiles import DISPLAY_P3, wide_gamut
from tests.support.pictures import encoded
from tests.support.png import chunk
from tests.support.stated_colours import SRGB as SRGB_POINTS
from tests.support.stated_colours import avif_stating, bars, chrm, cicp, gama, iccp, stating

PNG, AVIF = "image/png", "image/avif"
P3, LINEAR = of_codes(12, 13), Space(BT709, Power(1.0))
ADOBE = Space(Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), srgb_curve)
PROFILE = iccp(wide_gamut())
SAYS_SRGB = chunk(b"sRGB", b"\0")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((), None),
        ((SAYS_SRGB,), SRGB),
        ((gama(1.0),), LINEAR),
        ((gama(1 / 2.2),), SRGB),
        ((gama(0.4333),), SRGB),
        ((gama(1 / 2.2), chrm(SRGB_POINTS)), SRGB),
        ((chrm(),), ADOBE),
        ((chrm(), gama(1.0)), Space(ADOBE.primaries, Power(1.0))),
        ((cicp(12, 13),), P3),
        ((cicp(1, 13),), SRGB),
        ((cicp(1, 1),), SRGB),
        ((cicp(2, 2),), SRGB),
        # The first of cICP, iCCP, sRGB, gAMA and cHRM, wherever it stands.
        ((gama(1.0), SAYS_SRGB, PROFILE, cicp(12, 13)), P3),
        ((gama(1.0), SAYS_SRGB, PROFILE), None),
        ((gama(1.0), chrm(), SAYS_SRGB), SRGB),
        ((cicp(1, 13), PROFILE), SRGB),
        # What is damaged, or means nothing, is not there.
        ((chunk(b"cICP", bytes([12, 13, 0, 1]), damaged=True), gama(1.0)), LINEAR),
        ((cicp(12, 13, matrix=1),), None),
        ((cicp(200, 13),), None),
        ((cicp(12, 200), SAYS_SRGB), SRGB),
        ((chunk(b"cICP", b"\x0c\x0d\0"),), None),
        ((gama(0),), None),
        ((chunk(b"gAMA", b"\xff\xff\xff\xff"),), None),
        ((chunk(b"gAMA", b"\1"),), None),
        ((chunk(b"cHRM", b""),), None),
        ((chrm((0,) * 8),), None),
        ((chrm((31270, 32900, 64000, 33000, 64000, 33000, 15000, 6000)),), None),
        ((iccp(wide_gamut(), damaged=True),), SRGB),
        ((gama(1.0), gama(0.5)), LINEAR),
    ],
)
def test_one_statement_of_a_png_counts(chunks: tuple[bytes, ...], expected: Space | None) -> None:
    assert colour.stated(stating(bars(), *chunks), PNG) == expected


def test_statements_behind_the_picture_are_none() -> None:
    content = encoded(bars(), "PNG")
    assert colour.stated(content[:-12] + gama(1.0) + content[-12:], PNG) is None


def test_code_points_of_an_avif_are_read_unless_it_has_a_profile() -> None:
    assert colour.stated(avif_stating(bars(), 12, 13), AVIF) == P3
    assert colour.stated(encoded(bars(), "AVIF"), AVIF) == SRGB
    assert colour.stated(encoded(bars(), "AVIF", icc_profile=wide_gamut()), AVIF) is None


def test_other_types_say_nothing() -> None:
    for kind in ("JPEG", "WEBP", "GIF", "TIFF"):
        assert colour.profile(encoded(bars(), kind), f"image/{kind.lower()}") is None


def test_srgb_needs_no_profile_and_goes_before_the_one_there_is() -> None:
    assert colour.profile(stating(bars(), cicp(1, 13), PROFILE), PNG) == b""
    assert colour.profile(stating(bars(), PROFILE), PNG) is None


def test_a_profile_says_what_makers_of_screens_say() -> None:
    assert P3 is not None
    made, apples = icc.profile(P3), wide_gamut(DISPLAY_P3)
    assert made is not None
    ours, theirs = (
        ImageCms.profileToProfile(
            bars(), ImageCms.ImageCmsProfile(io.BytesIO(raw)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        for raw in (made, apples)
    )
    assert ours
    assert theirs
    for x in range(10, 80, 20):
        one, other = ours.getpixel((x, 10)), theirs.getpixel((x, 10))
        assert isinstance(one, tuple)
        assert isinstance(other, tuple)
        assert all(abs(a - b) <= 1 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("curve", [4, 5, 7, 8, 13, 16, 17, 18])
@pytest.mark.parametrize("full", [True, False])
def test_every_curve_rises_from_black_to_white_and_grey_stays_grey(curve: int, full: bool) -> None:
    space = of_codes(9, curve, full_range=full)
    assert space is not None
    light = [space.curve(n / 100) for n in range(101)]
    assert light == sorted(light)
    assert light[0] == pytest.approx(0, abs=1e-3)
    assert light[-1] == pytest.approx(1, abs=0.01)
    raw = icc.profile(space)
    assert raw is not None
    grey = ImageCms.profileToProfile(
        Image.new("RGB", (1, 1), (128, 128, 128)),
        ImageCms.ImageCmsProfile(io.BytesIO(raw)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert grey
    found = grey.getpixel((0, 0))
    assert isinstance(found, tuple)
    assert max(found) - min(found) <= 1


def test_hdr_white_is_bright_and_not_blown_out() -> None:
    for curve, white in ((16, 0.58), (18, 0.75)):  # ITU-R BT.2408: where both have white.
        space = of_codes(9, curve)
        assert space is not None
        assert 0.6 < space.curve(white) < 0.95 < space.curve(1.0)


@given(st.tuples(*[st.integers(0, 2**32 - 1)] * 8))
def test_no_primaries_are_too_odd(points: tuple[int, ...]) -> None:
    found = colour.stated(stating(bars(), chrm(points)), PNG)
    assert found is None or found == SRGB or icc.profile(found)


@given(st.sampled_from([PNG, AVIF]), st.integers(0, 300), st.binary(max_size=40))
def test_whatever_is_changed_in_a_file_it_is_read(media_type: str, at: int, change: bytes) -> None:
    content = stating(bars(), cicp(12, 13), gama(1)) if media_type == PNG else avif_stating(bars(), 12, 13)
    for broken in (content[:at] + change + content[at + len(change) :], content[:at], content[:at] + change):
        colour.profile(broken, media_type)
