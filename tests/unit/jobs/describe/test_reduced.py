"""Reductions, by the code that makes them; test_inspection.py has the sandbox around it."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.core.assets import reductions
from services.core.assets.media_types import sniff
from services.core.assets.orientation import turned
from services.jobs.describe.picture import seen
from services.jobs.describe.reduced import Maker, Reduced
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.colour_profiles import DISPLAY_P3, LAYOUTS, srgb, wide_gamut
from tests.support.pixels import decode

SIDE = 256
ORIENTATION = 0x0112


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photograph(photos: dict[str, bytes], width: int, height: int) -> Image.Image:
    return decode(photos["china.jpg"]).convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def reduction(content: bytes, side: int = SIDE) -> Reduced | None:
    return seen(content, sniff(content) or "", 50_000_000, side)[1]


def made(content: bytes, side: int = SIDE) -> Reduced:
    found = reduction(content, side)
    assert found
    return found


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures of the same size, in levels of 255."""
    assert one.size == other.size
    return float(np.abs(np.asarray(one.convert("RGBA"), float) - np.asarray(other.convert("RGBA"), float)).mean())


def rendered(content: bytes, width: int) -> Image.Image:
    """Return what transform makes of a file."""
    return decode(pipeline.render(content, Plan(width, format="png"), Limits()).content)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4032, 3024), (256, 192)),
        ((3024, 4032), (192, 256)),
        ((2500, 1000), (256, 102)),
        ((8000, 500), (256, 16)),
    ],
)
def test_the_longer_side_is_that_of_the_setting(size: tuple[int, int], expected: tuple[int, int]) -> None:
    found = made(saved(Image.new("RGB", size, "red"), "JPEG"))
    assert (found.width, found.height) == expected == decode(found.content).size


def test_a_second_picture_with_half_the_sides_comes_after_the_first(photos: dict[str, bytes]) -> None:
    for content in (saved(photograph(photos, 2000, 1500), "JPEG"), saved(transparent(photos), "PNG")):
        found = made(content, 800)
        [second] = found.smaller
        assert (second.width, second.height) == (400, 300) == decode(second.of(found.content)).size
        parts = reductions.parts(len(found.content), found.width, found.height, found.smaller)
        assert reductions.are_pictures(parts, found.content, found.media_type)
        first, small = (rendered(part.of(found.content), 200) for part in parts)
        assert difference(first, small) < 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("size", [(2049, 1025), (1999, 2500)])
def test_halves_of_odd_sides_are_rounded_up(mode: str, size: tuple[int, int]) -> None:
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    found = made(saved(image, "PNG", compress_level=0), 255)
    [second] = found.smaller
    assert (second.width, second.height) == (-(-found.width // 2), -(-found.height // 2))
    assert decode(second.of(found.content)).size == (second.width, second.height)
    assert decode(second.of(found.content)).mode == decode(found.content).mode


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_renditions_from_it_show_what_those_from_the_upload_show(photos: dict[str, bytes], kind: str) -> None:
    content = saved(photograph(photos, 2000, 1500), kind, quality=92)
    found = made(content, 800)
    assert found.media_type == "image/jpeg"
    assert difference(rendered(found.content, 200), rendered(content, 200)) < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_it_is_upright(photos: dict[str, bytes], orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = saved(photograph(photos, 1600, 1200), kind, exif=exif)
    found = made(content, 400)
    assert (found.width, found.height) == turned(400, 300, orientation)
    assert difference(rendered(found.content, 100), rendered(content, 100)) < 2


def test_its_colours_are_srgb(photos: dict[str, bytes]) -> None:
    content = saved(photograph(photos, 1600, 1200), "JPEG", icc_profile=wide_gamut(DISPLAY_P3))
    found = made(content, 400)
    assert difference(rendered(found.content, 100), rendered(content, 100)) < 2
    plain = made(saved(photograph(photos, 1600, 1200), "JPEG"), 400)
    assert difference(decode(found.content), decode(plain.content)) > 2, "the profile matters"


def test_what_is_small_pays_only_if_its_colours_are_converted(photos: dict[str, bytes]) -> None:
    image = photograph(photos, 800, 600)
    assert reduction(saved(image, "JPEG"), 1024) is None
    assert reduction(saved(image, "JPEG", icc_profile=srgb()), 1024) is None
    found = made(saved(image, "JPEG", icc_profile=wide_gamut(DISPLAY_P3)), 1024)
    assert (found.width, found.height) == (800, 600), "nothing is enlarged"


def test_it_has_no_metadata(photos: dict[str, bytes]) -> None:
    exif = Image.Exif()
    exif[0x010F] = "the maker of the camera"
    image = photograph(photos, 1600, 1200)
    found = made(saved(image, "JPEG", exif=exif, icc_profile=srgb(), comment="a comment", dpi=(72, 72)))
    assert not {"exif", "icc_profile", "comment", "xmp"} & decode(found.content).info.keys()
    assert b"camera" not in found.content


def transparent(photos: dict[str, bytes]) -> Image.Image:
    image = photograph(photos, 1600, 1200)
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_transparency_is_kept(photos: dict[str, bytes], kind: str) -> None:
    content = saved(transparent(photos), kind, quality=92)
    found = made(content, 800)
    assert found.media_type == "image/webp"
    one, other = (rendered(source, 200).convert("RGBA") for source in (found.content, content))
    assert (
        difference(Image.merge("RGB", [one.getchannel("A")] * 3), Image.merge("RGB", [other.getchannel("A")] * 3)) < 2
    )
    white = [Image.alpha_composite(Image.new("RGBA", each.size, "white"), each) for each in (one, other)]
    assert difference(*white) < 2


def test_an_alpha_channel_without_transparency_is_left_out(photos: dict[str, bytes]) -> None:
    image = photograph(photos, 1600, 1200)
    image.putalpha(255)
    assert made(saved(image, "PNG")).media_type == "image/jpeg"


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "LA"])
def test_other_kinds_of_pixels_are_reduced_too(photos: dict[str, bytes], mode: str) -> None:
    image = photograph(photos, 1600, 1200)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype("uint16") * 257)
    else:
        image = image.convert("P", palette=Image.Palette.ADAPTIVE) if mode == "P" else image.convert(mode)
    content = saved(image, "PNG")
    found = made(content, 800)
    assert found.media_type == "image/jpeg"
    assert difference(rendered(found.content, 200), rendered(content, 200)) < 3


def test_what_others_would_show_otherwise_has_none(photos: dict[str, bytes]) -> None:
    image = photograph(photos, 1600, 1200)
    assert reduction(saved(image.convert("CMYK"), "JPEG")) is None
    assert reduction(saved(image, "GIF")) is None
    frames = [image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    for kind in ("WEBP", "AVIF"):
        assert reduction(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)) is None
    pages = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert difference(rendered(made(pages, 800).content, 200), rendered(pages, 200)) < 2


def test_without_a_side_there_is_none_and_the_facts_are_the_same(photos: dict[str, bytes]) -> None:
    content = saved(photograph(photos, 1600, 1200), "PNG")
    facts, found = seen(content, "image/png", 50_000_000)
    assert found is None
    assert seen(content, "image/png", 50_000_000, SIDE)[0] == facts


def test_a_profile_that_is_broken_costs_the_reduction_and_not_the_facts(photos: dict[str, bytes]) -> None:
    content = saved(photograph(photos, 1600, 1200), "JPEG", icc_profile=wide_gamut(DISPLAY_P3)[:400])
    facts, found = seen(content, "image/jpeg", 50_000_000, SIDE)
    assert facts["width"] == 1600
    assert found is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_profile_that_is_not_found_costs_the_reduction_and_not_the_facts(
    photos: dict[str, bytes], layout: str
) -> None:
    content = saved(photograph(photos, 1600, 1200), "JPEG", icc_profile=wide_gamut(DISPLAY_P3))
    assert reduction(content)
    facts, found = seen(LAYOUTS[layout](content), "image/jpeg", 50_000_000, SIDE)
    assert (facts["width"], facts["height"]) == (1600, 1200)
    assert found is None


def test_memory_that_is_missing_costs_the_reduction_and_not_the_facts(
    photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise MemoryError

    content = saved(photograph(photos, 1600, 1200), "JPEG")
    facts, found = seen(content, "image/jpeg", 50_000_000, SIDE)
    assert found
    monkeypatch.setattr(Image.Image, "save", fail)
    assert seen(content, "image/jpeg", 50_000_000, SIDE) == (facts, None)


@pytest.mark.parametrize(
    ("size", "side", "decoded"),
    [
        ((4032, 3024), 1024, (2016, 1512)),
        ((8000, 6000), 1024, (2000, 1500)),
        ((3800, 2850), 1024, (3800, 2850)),
        ((7700, 5700), 2048, (3850, 2850)),  # A good filter would need all of it, and that is too much.
        ((2000, 1500), 1024, (2000, 1500)),
    ],
)
def test_a_jpeg_is_decoded_no_larger_than_needed(size: tuple[int, int], side: int, decoded: tuple[int, int]) -> None:
    content = saved(Image.new("L", size), "JPEG")
    image = Image.open(io.BytesIO(content))
    Maker(side, None).draft(image)
    assert image.size == decoded
    found = made(content, side)
    assert found.width == side
