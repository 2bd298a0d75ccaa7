"""What is seen in pictures, by the code itself; test_inspection.py has the sandbox around it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from services.jobs.describe.picture import seen
from services.transform.render import pipeline
from services.transform.render.guard import Limits as TransformLimits
from services.transform.render.plan import Plan
from tests.support.colour_profiles import wide_gamut
from tests.support.hostile_files import png_header
from tests.support.png import chunk

RED = (220, 30, 40)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def look(content: bytes, kind: str, pixels: int = 1_000_000) -> dict[str, Any]:
    return seen(content, f"image/{kind.lower()}", pixels)[0]


def channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def is_about(colour: str, expected: tuple[int, ...], within: int = 4) -> bool:
    return all(abs(one - other) <= within for one, other in zip(channels(colour), expected, strict=True))


def two_colours(width: int = 300, height: int = 200) -> Image.Image:
    """Return a picture of which the left two thirds are red and the rest is blue."""
    image = Image.new("RGB", (width, height), (20, 30, 200))
    image.paste(RED, (0, 0, width * 2 // 3, height))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_every_type_that_is_rendered_is_seen(kind: str) -> None:
    found = look(saved(two_colours(), kind), kind)
    assert (found["width"], found["height"], len(found["blurhash"])) == (300, 200, 28)
    assert is_about(found["dominant_color"], RED, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_seen_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = two_colours()
    found = look(saved(image, kind, exif=exif), kind)
    image.getexif()[0x0112] = orientation
    upright = look(saved(ImageOps.exif_transpose(image), "PNG"), "PNG")
    assert (found["width"], found["height"]) == (upright["width"], upright["height"])
    if kind == "PNG":
        assert found["blurhash"] == upright["blurhash"]


def test_an_animation_is_its_first_frame_and_is_not_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [two_colours(), Image.new("RGB", (300, 200), "green")]
    for kind in ("WEBP", "GIF"):
        found = look(saved(frames[0], kind, save_all=True, append_images=frames[1:], exif=exif), kind)
        assert (found["width"], found["height"]) == (300, 200)
        assert is_about(found["dominant_color"], RED, 8)


MODES: dict[str, Callable[[], Image.Image]] = {
    "1": lambda: Image.new("1", (90, 60), 1),
    "L": lambda: Image.new("L", (90, 60), 255),
    "I;16": lambda: Image.fromarray(np.full((60, 90), 65535, dtype=np.uint16)),
    "P": lambda: Image.new("RGB", (90, 60), "white").convert("P"),
    "LA": lambda: Image.new("LA", (90, 60), (255, 255)),
    "RGBA": lambda: Image.new("RGBA", (90, 60), "white"),
}


@pytest.mark.parametrize("mode", MODES)
def test_white_is_white_in_every_mode(mode: str) -> None:
    assert look(saved(MODES[mode](), "PNG"), "PNG")["dominant_color"] == "#ffffff"


def test_sixteen_bits_of_grey_are_not_taken_for_eight() -> None:
    grey = Image.fromarray(np.full((60, 90), 0x4000, dtype=np.uint16))
    assert look(saved(grey, "PNG"), "PNG")["dominant_color"] == "#404040"


def test_inks_are_seen_as_colours() -> None:
    found = look(saved(Image.new("CMYK", (90, 60), (0, 255, 255, 0)), "JPEG"), "JPEG")
    assert is_about(found["dominant_color"], (255, 0, 0), 10)


def test_colours_of_a_wide_profile_are_those_of_srgb() -> None:
    raw = wide_gamut()
    wide = ImageCms.ImageCmsProfile(io.BytesIO(raw))
    image = ImageCms.profileToProfile(two_colours(), ImageCms.createProfile("sRGB"), wide, outputMode="RGB")
    assert image
    with_profile = look(saved(image, "PNG", icc_profile=raw), "PNG")["dominant_color"]
    without = look(saved(image, "PNG", icc_profile=b""), "PNG")["dominant_color"]
    assert is_about(with_profile, RED)
    assert not is_about(without, RED, 8)


@pytest.mark.parametrize("profile", [b"no profile", wide_gamut()[:200]])
def test_a_broken_profile_or_one_of_other_colours_is_none(profile: bytes) -> None:
    assert is_about(look(saved(two_colours(), "PNG", icc_profile=profile), "PNG")["dominant_color"], RED)
    grey = Image.new("L", (90, 60), 128)
    assert look(saved(grey, "PNG", icc_profile=wide_gamut()), "PNG")["dominant_color"] == "#808080"


def test_what_is_transparent_has_no_colour_and_is_blurred_on_white() -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 100, 100))
    found = look(saved(image, "PNG"), "PNG")
    assert is_about(found["dominant_color"], RED, 1)
    white = Image.new("RGB", (300, 200), "white")
    white.paste(RED, (0, 0, 100, 100))
    assert found["blurhash"] == look(saved(white, "PNG"), "PNG")["blurhash"]
    assert look(saved(Image.new("RGBA", (9, 9)), "PNG"), "PNG")["dominant_color"] is None


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (64, 65), (129, 7)])
def test_every_shape_is_seen(size: tuple[int, int]) -> None:
    found = look(saved(Image.new("RGB", size, RED), "PNG"), "PNG")
    assert (found["width"], found["height"]) == size
    assert channels(found["dominant_color"]) == RED
    assert found["blurhash"][2:6] == look(saved(Image.new("RGB", (64, 64), RED), "PNG"), "PNG")["blurhash"][2:6]


def test_dithered_black_and_white_is_grey() -> None:
    dots = Image.fromarray(np.tile(np.array([[0, 255], [255, 0]], dtype=np.uint8), (100, 150)))
    assert is_about(look(saved(dots, "PNG"), "PNG")["dominant_color"], (128, 128, 128), 6)


XMP = '<x:xmpmeta><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_that_renditions_do_not_follow_is_none(kind: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP)
    options: dict[str, object] = {"pnginfo": text} if kind == "PNG" else {"xmp": XMP.encode()}
    if kind == "TIFF":
        options = {"tiffinfo": {700: XMP.encode()}}
    content = saved(two_colours(), kind, **options)
    rendered = pipeline.render(content, Plan(format="png"), TransformLimits())
    found = look(content, kind)
    assert (found["width"], found["height"]) == (rendered.width, rendered.height) == (300, 200)
    assert found["blurhash"] == look(saved(two_colours(), kind), kind)["blurhash"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_facts_are_as_large_as_what_is_delivered(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(two_colours(), kind, exif=exif)
    rendered = pipeline.render(content, Plan(format="png"), TransformLimits())
    found = look(content, kind)
    assert (found["width"], found["height"]) == (rendered.width, rendered.height)
    assert is_about(found["dominant_color"], channels(look(rendered.content, "PNG")["dominant_color"]), 8)


@pytest.mark.parametrize("name", [b"pHYs", b"gAMA", b"tEXt", b"tRNS", b"iCCP", b"cICP", b"eXIf"])
def test_a_damaged_chunk_costs_no_facts(name: bytes) -> None:
    content = saved(two_colours(), "PNG")
    data = {b"tRNS": b"\0\1" * 3, b"pHYs": bytes(9)}.get(name, b"x\0\0\0")
    damaged = content[:33] + chunk(name, data, damaged=True) + content[33:]
    assert look(damaged, "PNG") == look(content, "PNG")


def test_more_pixels_than_allowed_are_not_decoded() -> None:
    with pytest.raises(ValueError, match="30000x30000 pixels"):
        look(png_header(30_000, 30_000), "PNG")
    with pytest.raises(ValueError, match="300x200 pixels"):
        look(saved(two_colours(), "PNG"), "PNG", pixels=59_999)


def test_a_file_is_only_what_its_entry_says(photos: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot identify"):
        look(saved(two_colours(), "PNG"), "JPEG")
    with pytest.raises(ValueError, match="image/bmp is not supported"):
        look(saved(two_colours(), "BMP"), "BMP")
    with pytest.raises(ValueError, match="cut short"):
        look(photos["china.jpg"][:50_000], "JPEG")


def test_a_photograph_without_its_end_mark_is_seen_like_the_whole(photos: dict[str, bytes]) -> None:
    assert look(photos["china.jpg"].removesuffix(b"\xff\xd9"), "JPEG") == look(photos["china.jpg"], "JPEG")
