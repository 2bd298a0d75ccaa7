"""The photographs that are measured are what their sets promise."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from tools.bench import photos
from tools.bench.photos import Photo


def orientation_and_profile(photo: Photo) -> tuple[int, str]:
    with Image.open(photo.path) as image:
        assert image.size == photos.PHONE
        raw = image.info.get("icc_profile")
        name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(raw))).strip() if raw else ""
        return image.getexif()[0x0112], name


def test_of_four_phone_photographs_two_are_turned_and_two_have_wide_gamut(tmp_path: Path) -> None:
    made = photos.phone(tmp_path).photos
    kinds = [orientation_and_profile(photo) for photo in made]
    assert len(made) == 8
    wide = kinds[2][1]
    assert "P3" in wide
    assert kinds == [(1, ""), (6, ""), (1, wide), (6, wide)] * 2
    assert [(photo.width, photo.height) for photo in made] == [(4032, 3024), (3024, 4032)] * 4


@pytest.mark.parametrize(
    ("sides", "width", "size", "quality"),
    [
        ((4032, 3024), 200, (200, 150), 75),
        ((3024, 4032), 200, (200, 267), 80),
        ((3024, 4032), 1600, (1600, 2133), 85),
        ((4032, 3024), 0, (4032, 3024), 85),
        ((451, 300), 800, (451, 300), 80),
    ],
)
def test_a_rendition_has_the_size_and_quality_that_tada_gives_it(
    sides: tuple[int, int], width: int, size: tuple[int, int], quality: int
) -> None:
    photo = Photo(Path("x.jpg"), *sides)
    assert photo.size(width) == size
    assert photo.encoding(width).quality == quality
