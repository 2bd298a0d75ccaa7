import numpy as np
import pytest
from PIL import Image

from services.core.errors import Undecodable
from services.transform.render import jpeg, libvips, resizer
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.source import inspect
from services.transform.render.stages import Picture
from services.transform.render.steps.load import load
from services.transform.render.steps.scale import scale
from tests.support.colour_profiles import DISPLAY_P3, LAYOUTS, wide_gamut
from tests.support.pictures import FRAMES, animation, encoded
from tests.support.pixels import decode
from tests.support.stages import order, size


@pytest.fixture(autouse=True)
def only_libvips_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is compared here depend on how it is decoded alone (the other library: test_resizer.py)."""
    monkeypatch.setattr(resizer, "IS_HERE", False)


def loaded(content: bytes, plan: Plan) -> Picture:
    return load(inspect(content, plan, Limits()), order(plan))


@pytest.mark.parametrize(
    ("width", "decoded"), [(0, (640, 427)), (400, (640, 427)), (200, (320, 213)), (80, (160, 106))]
)
def test_a_jpeg_is_made_smaller_while_it_is_decoded_but_not_smaller_than_the_result(
    photos: dict[str, bytes], width: int, decoded: tuple[int, int]
) -> None:
    found = loaded(photos["china.jpg"], Plan(width))
    assert size(found) == decoded
    assert (found.image.bands, found.image.format, found.image.interpretation) == (3, "uchar", "srgb")


@pytest.mark.parametrize("width", [0, 200, 300, 80])
@pytest.mark.parametrize("pixels_max", [0, jpeg.PIXELS_MAX])
def test_a_jpeg_with_a_profile_is_decoded_as_one_without_and_then_converted(
    photos: dict[str, bytes], width: int, pixels_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg, "PIXELS_MAX", pixels_max)
    image, plan = decode(photos["china.jpg"]).convert("RGB"), Plan(width)
    plain = scale(loaded(encoded(image, "JPEG"), plan), order(plan)).image.copy_memory()
    libvips.set_profile(plain, wide_gamut())
    expected = plain.icc_transform("srgb", embedded=True)
    found = loaded(encoded(image, "JPEG", icc_profile=wide_gamut()), plan).image
    assert np.array_equal(found.numpy(), expected.numpy())
    assert (found.bands, found.format, found.interpretation) == (3, "uchar", "srgb")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("width", [0, 400, 200, 80])
def test_a_profile_counts_in_any_layout_in_which_libvips_finds_it(
    photos: dict[str, bytes], layout: str, width: int
) -> None:
    image, plan = decode(photos["china.jpg"]).convert("RGB"), Plan(width)
    sound = encoded(image, "JPEG", icc_profile=wide_gamut(DISPLAY_P3))
    expected = loaded(sound, plan).image.numpy()
    assert not np.array_equal(loaded(encoded(image, "JPEG"), plan).image.numpy(), expected), "the profile matters"
    assert np.array_equal(loaded(LAYOUTS[layout](sound), plan).image.numpy(), expected)


def test_other_types_come_in_the_size_of_the_box(photos: dict[str, bytes]) -> None:
    assert size(loaded(photos["astronaut.png"], Plan(200, 100))) == (200, 200)


def test_the_sides_are_those_of_a_picture_that_is_not_yet_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = loaded(encoded(Image.new("RGB", (80, 60)), "PNG", exif=exif), Plan(30))
    assert (size(found), found.orientation) == ((40, 30), 6)


@pytest.mark.parametrize(("wanted", "frames"), [("webp", len(FRAMES)), ("png", 1)])
def test_all_frames_of_an_animation_are_loaded_where_it_stays_one(wanted: str, frames: int) -> None:
    found = loaded(animation("WEBP", (120, 80)), Plan(60, format=wanted))  # type: ignore[arg-type]
    assert (size(found), found.frames) == ((60, 40 * frames), frames)


def test_a_document_is_drawn_in_the_size_of_the_box() -> None:
    found = loaded(b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>', Plan(60, 60))
    assert (size(found), found.image.bands, found.box.crop_width) == ((120, 60), 4, 60)


def test_a_file_that_breaks_off_is_refused_when_its_pixels_are_made(photos: dict[str, bytes]) -> None:
    found = loaded(photos["astronaut.png"][:100_000], Plan())
    with pytest.raises(libvips.Error):
        found.image.copy_memory()


def test_a_document_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(Undecodable):
        loaded(b'<svg xmlns="http://www.w3.org/2000/svg">', Plan())
