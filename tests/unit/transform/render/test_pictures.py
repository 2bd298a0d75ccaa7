"""What the pipeline makes in each format, compared with what Pillow and LittleCMS make of the same source."""

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageOps

from services.core.addresses.values import Fit, Focus, Format
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan, Rendered
from tests.support.colour_profiles import ADOBE_RGB, DISPLAY_P3, profile, srgb, wide_gamut
from tests.support.pictures import FRAMES, animation, encoded, frames_of, is_near
from tests.support.pixels import decode, distance

CLOSE = 6.0
NAMES: dict[Format, str] = {"webp": "WEBP", "avif": "AVIF", "jpeg": "JPEG", "png": "PNG", "plain": "JPEG"}


def render(source: bytes, plan: Plan) -> Rendered:
    rendered = pipeline.render(source, plan, Limits())
    assert decode(rendered.content).size == (rendered.width, rendered.height)
    assert Image.MIME[str(decode(rendered.content).format)] == rendered.media_type
    return rendered


@pytest.fixture(scope="module")
def china(photos: dict[str, bytes]) -> Image.Image:
    return decode(photos["china.jpg"]).convert("RGB")


@pytest.mark.parametrize("wanted", NAMES)
def test_every_format_shows_the_same_photograph(photos: dict[str, bytes], china: Image.Image, wanted: Format) -> None:
    content = render(photos["china.jpg"], Plan(300, format=wanted)).content
    assert decode(content).format == NAMES[wanted]
    assert distance(content, china.resize((300, 200), Image.Resampling.LANCZOS)) < CLOSE
    assert not {"exif", "xmp", "icc_profile"} & decode(content).info.keys()


def test_png_is_exact_and_avif_is_smaller_than_webp_and_webp_than_jpeg(photos: dict[str, bytes]) -> None:
    sizes = {wanted: len(render(photos["china.jpg"], Plan(400, format=wanted)).content) for wanted in NAMES}
    assert sizes["avif"] < sizes["webp"] < sizes["jpeg"] < sizes["png"]


@pytest.mark.parametrize(("wanted", "made"), [("webp", "WEBP"), ("avif", "AVIF"), ("png", "PNG"), ("plain", "PNG")])
def test_transparency_is_kept_where_there_can_be_any(wanted: Format, made: str) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((32, 0, 63, 63), fill=(200, 20, 20, 255))
    shown = decode(render(encoded(image, "PNG"), Plan(32, format=wanted)).content)
    assert shown.format == made
    assert shown.getchannel("A").getpixel((4, 16)) == 0
    assert shown.getchannel("A").getpixel((28, 16)) == 255


def test_jpeg_shows_what_is_transparent_on_white_and_plain_is_jpeg_where_nothing_is() -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    shown = decode(render(encoded(image, "PNG"), Plan(32, format="jpeg")).content)
    assert is_near(shown.getpixel((9, 9)), (255, 255, 255))  # type: ignore[arg-type]
    opaque = Image.new("RGBA", (64, 64), (10, 20, 30, 255))
    assert render(encoded(opaque, "PNG"), Plan(32, format="plain")).media_type == "image/jpeg"


def test_an_animation_stays_one_as_webp_and_is_its_first_frame_in_what_has_none() -> None:
    source = animation("GIF")
    assert len(frames_of(render(source, Plan(60, format="avif")).content)) == len(FRAMES)
    for wanted in ("jpeg", "png", "plain"):
        [(_, shown)] = frames_of(render(source, Plan(60, format=wanted)).content)  # type: ignore[arg-type]
        assert is_near(shown.getpixel((30, 20)), FRAMES[0], 30)  # type: ignore[arg-type]


def test_an_avif_that_would_be_too_large_is_a_webp(photos: dict[str, bytes]) -> None:
    few = Limits(avif_pixels=10_000)
    assert pipeline.render(photos["china.jpg"], Plan(200, format="avif"), few).media_type == "image/webp"


@pytest.mark.parametrize("primaries", [ADOBE_RGB, DISPLAY_P3])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_wide_colours_become_what_littlecms_makes_of_them(
    china: Image.Image, primaries: dict[bytes, tuple[float, float, float]], file_format: str
) -> None:
    raw = wide_gamut(primaries)
    # The same numbers mean stronger colours here.
    source = encoded(china, file_format, icc_profile=raw, **({} if file_format in ("PNG", "TIFF") else {"quality": 95}))
    expected = ImageCms.profileToProfile(decode(source).convert("RGB"), profile(raw), profile(srgb()))
    assert expected is not None
    content = render(source, Plan(format="png")).content
    assert distance(content, expected) < 1.5 < distance(content, china)


def test_an_srgb_profile_changes_nothing(china: Image.Image) -> None:
    with_profile, without = (encoded(china, "PNG", icc_profile=raw) for raw in (srgb(), None))
    assert render(with_profile, Plan(200)) == render(without, Plan(200))


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"progressive": True, "quality": 30}])
def test_every_kind_of_jpeg_is_understood(china: Image.Image, options: dict[str, object]) -> None:
    source = encoded(china, "JPEG", **options)
    assert distance(render(source, Plan(format="png")).content, decode(source)) < 1.5


def test_a_palette_is_understood_to_the_pixel(china: Image.Image) -> None:
    image = china.quantize(200)
    shown = decode(render(encoded(image, "PNG"), Plan(format="png")).content)
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("fitting", ["contain", "fill"])
def test_other_fits_show_the_whole_photograph(photos: dict[str, bytes], china: Image.Image, fitting: Fit) -> None:
    content = render(photos["china.jpg"], Plan(100, 100, fit=fitting)).content
    size = (100, 67) if fitting == "contain" else (100, 100)
    assert distance(content, china.resize(size, Image.Resampling.LANCZOS)) < CLOSE


@pytest.mark.parametrize("focus", [Focus(0, 0), Focus(0.3, 0.5), Focus(1, 1)])
@pytest.mark.parametrize("sides", [(100, 100), (300, 60)])
def test_a_focus_moves_the_cut(
    photos: dict[str, bytes], china: Image.Image, focus: Focus, sides: tuple[int, int]
) -> None:
    content = render(photos["china.jpg"], Plan(*sides, focus=focus)).content
    scale = max(sides[0] / china.width, sides[1] / china.height)
    size = round(china.width * scale), round(china.height * scale)
    left, top = (
        int(min(max(0, side * at - cut / 2), side - cut))
        for side, at, cut in zip(size, (focus.x, focus.y), sides, strict=True)
    )
    expected = china.resize(size, Image.Resampling.LANCZOS).crop((left, top, left + sides[0], top + sides[1]))
    assert distance(content, expected) < CLOSE
    assert distance(content, ImageOps.fit(china, sides, Image.Resampling.LANCZOS)) > CLOSE or focus.x == 0.3


@pytest.mark.parametrize("at", [(20, 20), (340, 20)])
def test_a_smart_cut_goes_where_there_is_something_to_see(at: tuple[int, int]) -> None:
    image = Image.new("RGB", (400, 100), (235, 235, 235))
    ImageDraw.Draw(image).ellipse((*at, at[0] + 40, at[1] + 60), fill=(220, 30, 20), outline=(0, 0, 0))
    shown = decode(render(encoded(image, "PNG"), Plan(100, 100, focus="smart", format="png")).content).convert("RGB")
    red = (np.asarray(shown, dtype=int) - (220, 30, 20)).__abs__().sum(axis=2) < 60
    assert red.sum() > 1200, "nearly all of the mark is in the cut"


def test_a_smart_cut_is_the_same_for_every_frame_of_an_animation() -> None:
    frames = frames_of(render(animation("WEBP", (120, 80), lossless=True), Plan(40, 40, focus="smart")).content)
    assert [frame.size for _, frame in frames] == [(40, 40)] * 3


@pytest.mark.parametrize("wanted", ["webp", "avif", "jpeg", "png"])
def test_a_byte_budget_is_met_with_the_best_quality_that_fits(photos: dict[str, bytes], wanted: Format) -> None:
    free = len(render(photos["china.jpg"], Plan(200, format=wanted)).content)
    budget = free * 3 // 5
    content = render(photos["china.jpg"], Plan(200, format=wanted, max_bytes=budget)).content
    assert budget // 2 < len(content) <= budget
    assert len(render(photos["china.jpg"], Plan(200, format=wanted, max_bytes=free)).content) == free


def test_a_byte_budget_of_a_png_that_256_colours_do_not_meet_is_met_with_fewer(photos: dict[str, bytes]) -> None:
    sizes = [len(render(photos["china.jpg"], Plan(300, format="png", max_bytes=most)).content) for most in (0, 1)]
    most = sum(sizes) // 3
    content = render(photos["china.jpg"], Plan(300, format="png", max_bytes=most)).content
    assert sizes[1] <= len(content) <= most
    assert len(decode(content).getcolors() or ()) in (16, 256)


def test_a_byte_budget_that_cannot_be_met_is_come_as_near_to_as_is_of_use(photos: dict[str, bytes]) -> None:
    tried = render(photos["china.jpg"], Plan(300, max_bytes=100)).content
    assert len(tried) == len(render(photos["china.jpg"], Plan(300, quality=20)).content)


@pytest.mark.parametrize(
    ("file_format", "wanted", "options"),
    [
        ("WEBP", "webp", {"quality": 20}),
        ("JPEG", "plain", {"quality": 20, "optimize": True}),
        ("PNG", "png", {"optimize": True}),
    ],
)
def test_at_full_size_nobody_gets_more_bytes_than_were_uploaded(
    china: Image.Image, file_format: str, wanted: Format, options: dict[str, object]
) -> None:
    image = china if file_format != "PNG" else china.quantize(8)
    exif = Image.Exif()
    exif[0x010E] = "secret"
    source = encoded(image, file_format, exif=exif, **options)
    rendered = render(source, Plan(format=wanted))
    assert len(rendered.content) <= len(source)
    assert b"secret" not in rendered.content
    assert distance(rendered.content, decode(source).convert("RGB")) < 1


def test_a_drawing_of_few_colours_is_no_larger_as_webp() -> None:
    image = Image.new("RGB", (300, 200), (250, 250, 250))
    for line in range(0, 300, 7):
        ImageDraw.Draw(image).line((line, 0, 300 - line, 199), fill=(20, 20, 200))
    source = encoded(image.quantize(8), "PNG", optimize=True)
    rendered = render(source, Plan())
    assert rendered.media_type == "image/webp"
    assert len(rendered.content) <= len(source)
    assert distance(rendered.content, image) < 1


def test_an_asked_quality_is_kept_to(china: Image.Image) -> None:
    source = encoded(china, "WEBP", quality=20)
    assert len(render(source, Plan(quality=90)).content) > len(source)
