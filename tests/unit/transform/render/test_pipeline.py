import io
import struct
import time
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageOps, PngImagePlugin

from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.hostile_files import png_header
from tests.support.pictures import FRAMES, RED, WHITE, animation, encoded, frames_of, is_near
from tests.support.pixels import decode, distance

PIXELS_MAX = 50_000_000
CLOSE = 6.0
"""Mean difference per channel, 0 to 255, within which two decoders and resamplers show the same picture."""


def render(source: bytes, width: int = 0, height: int = 0, quality: int = 0, pixels_max: int = PIXELS_MAX) -> bytes:
    rendered = pipeline.render(
        source, Plan(width, height, quality), Limits(pixels=pixels_max, frame_pixels=pixels_max, side=100_000)
    )
    assert (rendered.width, rendered.height) == decode(rendered.content).size
    assert rendered.media_type == "image/webp"
    return rendered.content


def colour(image: Image.Image, at: tuple[int, int]) -> Sequence[int]:
    found = image.convert("RGB").getpixel(at)
    assert isinstance(found, tuple)
    return found


@pytest.fixture(scope="module")
def astronaut(photos: dict[str, bytes]) -> Image.Image:
    return decode(photos["astronaut.png"]).convert("RGB")


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg", "astronaut.png"])
def test_a_photograph_at_full_size_is_the_same_picture_as_webp(photos: dict[str, bytes], name: str) -> None:
    original = decode(photos[name])
    content = render(photos[name])
    assert decode(content).format == "WEBP"
    assert distance(content, original) < CLOSE


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg", "astronaut.png"])
@pytest.mark.parametrize(("width", "height"), [(200, 0), (0, 150), (100, 100), (300, 60), (60, 300), (16, 16)])
def test_a_resized_photograph_is_what_another_library_makes_of_it(
    photos: dict[str, bytes], name: str, width: int, height: int
) -> None:
    original = decode(photos[name]).convert("RGB")
    if width and height:
        expected = ImageOps.fit(original, (width, height), Image.Resampling.LANCZOS)
    else:
        scale = width / original.width if width else height / original.height
        size = (round(original.width * scale), round(original.height * scale))
        expected = original.resize(size, Image.Resampling.LANCZOS)
    assert distance(render(photos[name], width, height, 95), expected) < CLOSE


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(1, 1, (1, 1)), (2000, 0, (640, 427)), (0, 2000, (640, 427)), (2000, 2000, (640, 427)), (2000, 100, (640, 100))],
)
def test_nothing_is_enlarged_and_one_pixel_is_enough(
    photos: dict[str, bytes], width: int, height: int, size: tuple[int, int]
) -> None:
    assert decode(render(photos["china.jpg"], width, height)).size == size


def test_a_lower_quality_takes_fewer_bytes_and_none_given_is_chosen(photos: dict[str, bytes]) -> None:
    sizes = [len(render(photos["china.jpg"], 400, 0, quality)) for quality in (1, 30, 60, 100)]
    assert sizes == sorted(set(sizes))
    assert sizes[1] < len(render(photos["china.jpg"], 400, 0)) < sizes[3]


def test_the_same_request_gives_the_same_bytes(photos: dict[str, bytes]) -> None:
    assert render(photos["china.jpg"], 200, 100) == render(photos["china.jpg"], 200, 100)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("width", "height"), [(0, 0), (90, 0), (60, 60)])
def test_a_photograph_is_upright_however_the_camera_was_held(
    photos: dict[str, bytes], orientation: int, width: int, height: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = encoded(decode(photos["china.jpg"]), "JPEG", exif=exif, quality=95)
    upright = ImageOps.exif_transpose(decode(source))
    assert upright.size == ((640, 427) if orientation < 5 else (427, 640))
    expected = upright
    if width and height:
        expected = ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS)
    elif width:
        expected = upright.resize((width, round(upright.height * width / upright.width)), Image.Resampling.LANCZOS)
    content = render(source, width, height)
    assert distance(content, expected) < CLOSE
    assert 0x0112 not in decode(content).getexif()


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_in_other_formats_too(photos: dict[str, bytes], file_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = encoded(decode(photos["flower.jpg"]).resize((160, 107)), file_format, exif=exif)
    upright = ImageOps.exif_transpose(decode(source))
    assert upright.size == (107, 160)
    assert distance(render(source), upright) < CLOSE


@pytest.mark.parametrize("file_format", ["GIF", "TIFF", "AVIF", "WEBP", "PNG", "JPEG"])
def test_every_raster_format_is_understood(photos: dict[str, bytes], file_format: str) -> None:
    source = encoded(decode(photos["astronaut.png"]).convert("RGB").resize((200, 200)), file_format)
    assert distance(render(source), decode(source)) < CLOSE


def test_a_cmyk_photograph_becomes_rgb_with_the_colours_of_print() -> None:
    inks = {"paper": (0, 0, 0, 0), "cyan": (255, 0, 0, 0), "yellow": (0, 0, 255, 0), "black": (0, 0, 0, 255)}
    image = Image.new("CMYK", (40 * len(inks), 40))
    for at, ink in enumerate(inks.values()):
        image.paste(ink, (40 * at, 0, 40 * at + 40, 40))
    shown = decode(render(encoded(image, "JPEG", quality=95), quality=95))
    assert (shown.mode, shown.size) == ("RGB", (160, 40))
    paper, cyan, yellow, black = (colour(shown, (40 * at + 20, 20)) for at in range(4))
    assert min(paper) >= 245
    assert cyan[0] < 90 < 150 < min(cyan[1:])
    assert yellow[2] < 90 < 200 < min(yellow[:2])
    assert max(black) < 75


def test_sixteen_bits_become_eight_without_a_shift_of_brightness() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256, dtype=np.uint16), (32, 1))
    shown = decode(render(encoded(Image.fromarray(ramp), "PNG"), quality=95)).convert("L")
    assert shown.size == (256, 32)
    assert np.abs(np.asarray(shown, dtype=float)[16] - np.arange(256)).mean() < 3


def test_a_wide_gamut_photograph_keeps_its_colours_as_srgb(astronaut: Image.Image) -> None:
    wide = wide_gamut()
    to_wide = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), wide, "RGB", "RGB")
    photograph = ImageCms.applyTransform(astronaut, to_wide)
    assert photograph is not None
    without_profile = distance(render(encoded(photograph, "PNG", icc_profile=None), quality=95), astronaut)
    for file_format in ("PNG", "TIFF"):
        content = render(encoded(photograph, file_format, icc_profile=wide.tobytes()), quality=95)
        assert distance(content, astronaut) < 2 < 3 < without_profile
        assert "icc_profile" not in decode(content).info


def wide_gamut() -> ImageCms.ImageCmsProfile:
    """Return the profile of sRGB with the primaries of Adobe RGB, which shows more colours."""
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087)}
    for at in range(132, 132 + 12 * int.from_bytes(raw[128:132], "big"), 12):
        name, start = bytes(raw[at : at + 4]), int.from_bytes(raw[at + 4 : at + 8], "big")
        if name in primaries:
            raw[start + 8 : start + 20] = struct.pack(">3i", *(round(65536 * value) for value in primaries[name]))
    return ImageCms.ImageCmsProfile(io.BytesIO(bytes(raw)))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_kept(mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((32, 0, 63, 63), fill=(200, 200, 200, 255))
    source = encoded(image.convert(mode) if mode != "P" else image.quantize(8), "PNG")
    for size in (0, 32):
        shown = decode(render(source, size))
        assert shown.mode == "RGBA"
        alpha = shown.getchannel("A")
        edge = shown.width // 4
        assert alpha.getpixel((edge, edge)) == 0
        assert alpha.getpixel((3 * edge, edge)) == 255
        assert is_near(colour(shown, (3 * edge, edge)), (200, 200, 200))


def test_an_opaque_picture_gets_no_alpha(photos: dict[str, bytes]) -> None:
    assert decode(render(photos["astronaut.png"], 50)).mode == "RGB"


def test_transparent_edges_do_not_bleed_their_hidden_colour() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 31, 63), fill=(255, 255, 255, 255))
    shown = decode(render(encoded(image, "PNG"), 16, 0, 100))
    on_white = Image.new("RGBA", shown.size, WHITE)
    on_white.alpha_composite(shown)
    assert np.asarray(on_white.convert("RGB")).min() > 240


def test_a_grey_photograph_stays_grey(photos: dict[str, bytes]) -> None:
    grey = decode(photos["flower.jpg"]).convert("L")
    content = render(encoded(grey, "JPEG", quality=95), 200)
    shown = np.asarray(decode(content).convert("RGB"), dtype=int)
    assert np.abs(shown[..., 0] - shown[..., 2]).max() <= 2
    assert distance(content, grey.resize((200, 133), Image.Resampling.LANCZOS)) < CLOSE


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("width", [0, 100])
def test_metadata_is_gone(photos: dict[str, bytes], file_format: str, width: int) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "secret description", "secret artist"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 24.0)
    options: dict[str, object] = {"exif": exif, "icc_profile": wide_gamut().tobytes()}
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "secret comment")
        text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>secret xmp</x:xmpmeta>")
        options["pnginfo"] = text
    elif file_format != "TIFF":
        options["xmp"] = b"<x:xmpmeta>secret xmp</x:xmpmeta>"
    if file_format == "JPEG":
        options["comment"] = b"secret comment"
    source = encoded(decode(photos["flower.jpg"]).resize((200, 133)), file_format, **options)
    assert b"secret" in source
    content = render(source, width)
    shown = decode(content)
    assert b"secret" not in content
    assert not shown.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment"} & shown.info.keys()
    assert not any(name in content for name in (b"EXIF", b"XMP ", b"ICCP"))


@pytest.mark.parametrize("file_format", ["WEBP", "GIF"])
@pytest.mark.parametrize(("width", "height"), [(0, 0), (60, 0), (40, 40), (120, 40), (500, 500)])
def test_an_animation_keeps_its_frames_their_timing_and_its_loops(file_format: str, width: int, height: int) -> None:
    source = animation(file_format)
    content = render(source, width, height)
    shown = frames_of(content)
    loops = Image.open(io.BytesIO(source)).info["loop"]
    assert [duration for duration, _ in shown] == [100, 200, 300]
    assert Image.open(io.BytesIO(content)).info["loop"] in (loops, loops + 1)
    for (_, frame), mark in zip(shown, FRAMES, strict=True):
        assert frame.size == (min(width or 120, 120), min(height or frame.height, 80))
        assert is_near(colour(frame, (frame.width // 2, frame.height // 2)), mark, 40)


@pytest.mark.parametrize(("width", "height"), [(60, 40), (40, 40), (100, 30), (30, 80)])
def test_every_frame_is_cut_like_a_picture_of_its_own(width: int, height: int) -> None:
    source = animation("WEBP", lossless=True)
    for (_, frame), (_, shown) in zip(frames_of(source), frames_of(render(source, width, height, 95)), strict=True):
        expected = ImageOps.fit(frame, (width, height), Image.Resampling.LANCZOS)
        assert distance(encoded(shown, "PNG"), expected) < 2 * CLOSE


def test_an_endless_animation_stays_endless() -> None:
    assert Image.open(io.BytesIO(render(animation("WEBP", loop=0), 60))).info["loop"] == 0


def test_a_document_of_several_pages_is_shown_by_its_first() -> None:
    pages = [Image.new("RGB", (50, 40), mark) for mark in FRAMES]
    source = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    [(_, shown)] = frames_of(render(source, 25))
    assert shown.size == (25, 20)
    assert is_near(colour(shown, (12, 10)), RED)


@pytest.mark.parametrize("size", [(16_500, 20), (20, 16_500)])
def test_a_picture_larger_than_webp_can_be_is_scaled_down_to_it(size: tuple[int, int]) -> None:
    assert max(decode(render(encoded(Image.new("RGB", size, RED), "PNG"))).size) == 16383


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("width", [0, 100])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_refused(photos: dict[str, bytes], file_format: str, width: int, kept: float) -> None:
    source = encoded(decode(photos["china.jpg"]).convert("RGB"), file_format)
    with pytest.raises(Undecodable):
        render(source[: int(len(source) * kept)], width)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("size", [(160, 100), (8, 6)])
def test_a_photograph_without_its_end_mark_is_rendered_and_one_without_more_is_not(
    options: dict[str, object], size: tuple[int, int]
) -> None:
    whole = encoded(Image.effect_noise(size, 60).convert("RGB"), "JPEG", **options)
    for width in (0, size[0] // 2):
        expected = render(whole, width)
        assert render(whole[:-1], width) == render(whole[:-2], width) == expected
        for cut in (len(whole) // 4, len(whole) // 2):
            with pytest.raises(Undecodable):
                render(whole[:-cut], width)


def test_a_photograph_that_ends_before_a_restart_mark_is_refused() -> None:
    whole = encoded(Image.effect_noise((160, 100), 60).convert("RGB"), "JPEG", restart_marker_rows=1)
    marks = [at for at in range(len(whole) - 1) if whole[at] == 0xFF and 0xD0 <= whole[at + 1] <= 0xD7]
    assert len(marks) == 6
    for at in marks:
        for end in (at, at + 1, at + 2):
            with pytest.raises(Undecodable):
                render(whole[:end], 80)


@pytest.mark.parametrize("width", [0, 60])
def test_a_truncated_animation_is_refused(width: int) -> None:
    source = animation("WEBP")
    with pytest.raises(Undecodable):
        render(source[: int(len(source) * 0.8)], width)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"not an image",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"P6 1 1 255 abc",
        b"RIFF\x04\0\0\0WEBP",
    ],
)
def test_what_is_no_raster_image_is_refused(source: bytes) -> None:
    with pytest.raises(Undecodable) as refusal:
        render(source)
    assert refusal.value.status == 422


def test_a_pixel_bomb_is_refused_by_its_header() -> None:
    started = time.perf_counter()
    with pytest.raises(Undecodable, match="60000x60000"):
        render(png_header(60_000, 60_000), 10, 10)
    assert time.perf_counter() - started < 0.5


def test_the_frames_of_an_animation_count_together() -> None:
    source = animation("WEBP")
    render(source, pixels_max=120 * 80 * 3)
    with pytest.raises(Undecodable, match="3 frame"):
        render(source, pixels_max=120 * 80 * 3 - 1)
