"""Sets of real photographs, as their makers leave them: from a phone, from a camera, and small ones."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips
import skimage
import sklearn
from PIL import Image, ImageCms

from services.transform.render.formats import Encoding, choose
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

PHONE = (4032, 3024)
CAMERA = (2000, 1500)
CAMERA_BYTES = 700_000
UPRIGHT, TURNED = 1, 6
"""Orientations of EXIF; TURNED is how a phone that is held upright stores its pictures."""

_ORIENTATION, _MAKE, _MODEL, _TIME = 0x0112, 0x010F, 0x0110, 0x0132
_SKIMAGE = (
    *("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png"),
    *("motorcycle_left.png", "retina.jpg", "rocket.jpg"),
)
_SKLEARN = ("china.jpg", "flower.jpg")


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG. Its sides in pixels are those that people see."""

    path: Path
    width: int
    height: int

    def size(self, width: int) -> tuple[int, int]:
        """Return the sides of a rendition with this width (0: full size), as TADA makes it."""
        if not width or width >= self.width:
            return self.width, self.height
        return width, max(1, round(self.height * width / self.width))

    def encoding(self, width: int) -> Encoding:
        """Return quality and effort of a rendition with this width: TADA's, which all sides are told."""
        return choose(Plan(width=width), Limits(), *self.size(width), 1, transparent=False)


@dataclass(frozen=True, slots=True)
class PhotoSet:
    key: str
    title: str
    photos: list[Photo]


def phone(folder: Path) -> PhotoSet:
    """Write photographs of 12 megapixels. Of four, two are turned, and two have Display P3, in every combination."""
    # libvips has the profile built in.
    wide: bytes = pyvips.Image.profile_load("p3")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(wide))
    to_wide = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), profile, "RGB", "RGB")
    made = []
    for number, source in enumerate(sources()[-8:]):
        image, turned = _cut(source).resize(PHONE, Image.Resampling.LANCZOS), number % 2 == 1
        options: dict[str, Any] = {"exif": _exif(TURNED if turned else UPRIGHT)}
        if number % 4 >= 2:
            ImageCms.applyTransform(image, to_wide, inPlace=True)
            options["icc_profile"] = wide
        path = folder / f"{source.stem}-phone.jpg"
        path.write_bytes(_jpeg(image, 92, **options))
        made.append(Photo(path, *(reversed(PHONE) if turned else PHONE)))
    return PhotoSet("phone", "12 megapixels, from a phone", made)


def camera(folder: Path) -> PhotoSet:
    """Write photographs of 2000x1500, each at the quality that comes nearest to 700 kB."""
    made = []
    for source in sources():
        image = _cut(source).resize(CAMERA, Image.Resampling.LANCZOS)
        path = folder / f"{source.stem}.jpg"
        path.write_bytes(min((_jpeg(image, quality) for quality in range(70, 98, 3)), key=_distance))
        made.append(Photo(path, *CAMERA))
    return PhotoSet("camera", "2000x1500", made)


def small(folder: Path) -> PhotoSet:
    """Write the photographs at their own size, 0.1 to 2 megapixels."""
    made = []
    for source in sources():
        image = Image.open(source).convert("RGB")
        path = folder / f"{source.stem}-small.jpg"
        path.write_bytes(_jpeg(image, 90))
        made.append(Photo(path, image.width, image.height))
    return PhotoSet("small", "0.1 to 2 megapixels", made)


def sources() -> list[Path]:
    """Return the ten photographs that come with scikit-image and scikit-learn."""
    data, images = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"
    return [*(data / name for name in _SKIMAGE), *(images / name for name in _SKLEARN)]


def _cut(source: Path) -> Image.Image:
    """Return the middle of a photograph, with sides of 4:3."""
    image = Image.open(source).convert("RGB")
    width = min(image.width, image.height * 4 // 3)
    height = min(image.height, image.width * 3 // 4)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_MAKE], exif[_MODEL], exif[_TIME] = orientation, "TADA", "bench", "2026:11:30 12:00:00"
    return exif


def _jpeg(image: Image.Image, quality: int, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def _distance(content: bytes) -> int:
    return abs(len(content) - CAMERA_BYTES)
