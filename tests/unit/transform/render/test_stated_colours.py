"""Colours that the container says: renditions show them, facts are of the same, and nothing is sent unconverted."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from services.jobs.describe.picture import seen as facts
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.colour_profiles import DISPLAY_P3, wide_gamut
from tests.support.pictures import encoded
from tests.support.pixels import decode
from tests.support.png import chunk
from tests.support.stated_colours import COLOURS, avif_stating, bars, chrm, cicp, gama, iccp, seen, stating

Colour = tuple[int, ...]


def by_profile(raw: bytes) -> list[Colour]:
    """Return what LittleCMS makes of the bars by a profile."""
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(raw)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(bars(), own, srgb, outputMode="RGB")
    assert converted
    return seen(converted)


def by_gamma(gamma: float) -> list[Colour]:
    """Return the bars as sRGB if their numbers are light to the power of 1/gamma."""
    light = (np.array(COLOURS) / 255) ** gamma
    curved = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return [tuple(colour) for colour in np.rint(curved * 255).astype(int)]


CASES: dict[str, tuple[bytes, list[Colour]]] = {
    "light itself": (stating(bars(), gama(1.0)), by_gamma(1.0)),
    "an old Mac": (stating(bars(), gama(1 / 1.8)), by_gamma(1.8)),
    "a gamma of sRGB": (stating(bars(), gama(1 / 2.2)), list(COLOURS)),
    "primaries of Adobe": (stating(bars(), chrm(), gama(1 / 2.2)), by_profile(wide_gamut())),
    "code points of P3": (stating(bars(), cicp(12, 13)), by_profile(wide_gamut(DISPLAY_P3))),
    "code points before a profile": (
        stating(bars(), iccp(wide_gamut()), cicp(12, 13)),
        by_profile(wide_gamut(DISPLAY_P3)),
    ),
    "code points of sRGB before a profile": (stating(bars(), cicp(1, 13), iccp(wide_gamut())), list(COLOURS)),
    "a profile before a gamma": (stating(bars(), gama(1.0), iccp(wide_gamut())), by_profile(wide_gamut())),
    "sRGB before a gamma": (stating(bars(), gama(1.0), chunk(b"sRGB", b"\0")), list(COLOURS)),
    "a damaged profile": (stating(bars(), iccp(wide_gamut(), damaged=True)), list(COLOURS)),
}
PLANS = (Plan(format="png"), Plan(40, 0, format="png"), Plan(quality=95), Plan(format="jpeg", quality=95))


def near(found: list[Colour], expected: list[Colour], within: int) -> bool:
    return bool(np.abs(np.array(found) - np.array(expected)).max() <= within)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("case", CASES)
def test_a_rendition_shows_what_was_meant(case: str, plan: Plan) -> None:
    content, expected = CASES[case]
    rendered = pipeline.render(content, plan, Limits())
    found = seen(decode(rendered.content))
    assert near(found, expected, 2 if plan.format == "png" else 8), (found, expected)


@pytest.mark.parametrize("case", CASES)
def test_facts_are_of_what_is_delivered(case: str) -> None:
    content, _ = CASES[case]
    delivered = pipeline.render(content, Plan(format="png"), Limits()).content
    assert _facts(content) == _facts(delivered)


def _facts(content: bytes) -> object:
    found, _ = facts(content, "image/png", 10_000)
    assert isinstance(found["blurhash"], str)
    # Its mean: the waves may differ by one of their levels.
    return found["width"], found["height"], found["blurhash"][2:6], found["dominant_color"]


@pytest.mark.parametrize(
    "chunks",
    [(cicp(12, 13),), (gama(1.0),), (chrm(),), (cicp(1, 13), gama(1.0)), (cicp(1, 13), iccp(wide_gamut()))],
)
def test_what_is_sent_as_it_is_says_nothing_else(chunks: tuple[bytes, ...]) -> None:
    content = pipeline.render(stating(bars(), *chunks), Plan(format="png"), Limits()).content
    assert not any(name in content for name in (b"gAMA", b"cHRM", b"cICP", b"iCCP"))


def test_sixteen_bits_grey_palettes_and_transparency_are_converted_alike() -> None:
    expected = by_gamma(1.0)[2]
    grey = np.full((20, 80), 128 * 257, dtype=np.uint16)
    palette = Image.new("P", (80, 20))
    palette.putpalette([128, 128, 128, 0, 0, 0])
    pictures = {
        "grey": Image.new("L", (80, 20), 128),
        "grey of 16 bits": Image.fromarray(grey),
        "grey with transparency": Image.new("LA", (80, 20), (128, 255)),
        "palette": palette,
        "colours with transparency": Image.new("RGBA", (80, 20), (128, 128, 128, 255)),
    }
    for name, image in pictures.items():
        content = stating(image, gama(1.0))
        found = seen(decode(pipeline.render(content, Plan(40, 0, format="png"), Limits()).content))
        assert near(found, [expected] * 4, 2), (name, found)
        dominant = str(facts(content, "image/png", 10_000)[0]["dominant_color"])
        assert near([tuple(bytes.fromhex(dominant[1:]))], [expected], 2), (name, dominant)
    transparent = encoded(palette, "PNG", transparency=0)
    shown = decode(
        pipeline.render(transparent[:33] + gama(1.0) + transparent[33:], Plan(format="png"), Limits()).content
    )
    assert shown.convert("RGBA").getpixel((9, 9))[3] == 0  # type: ignore[index]


def test_code_points_of_an_avif_are_converted() -> None:
    content, expected = avif_stating(bars(), 12, 13), by_profile(wide_gamut(DISPLAY_P3))
    found = seen(decode(pipeline.render(content, Plan(format="png"), Limits()).content))
    assert near(found, expected, 12), (found, expected)
    plain, _ = facts(encoded(bars(), "AVIF", quality=95), "image/avif", 10_000)
    assert facts(content, "image/avif", 10_000)[0]["blurhash"] != plain["blurhash"]
