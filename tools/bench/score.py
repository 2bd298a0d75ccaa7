"""How good a rendition looks: SSIMULACRA2, beside a reduction of its source that loses as little as possible.

100 is the same picture, 90 cannot be told from it, 70 is high quality, 50 medium.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from ssimulacra2 import compute_ssimulacra2

SIDE_MAX = 512
"""Pixels of a side that are looked at, in the middle of a picture: a megapixel takes 3.5 s."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Renditions of one photograph that should all have the same sides, in pixels."""

    size: tuple[int, int]
    contents: list[bytes]


def scores(source: Path, answers: Sequence[Answers]) -> list[list[float]]:
    """Return the score of each rendition of a photograph."""
    whole = shown(Image.open(source))
    return [_scores(whole, some) for some in answers]


def _scores(whole: Image.Image, answers: Answers) -> list[float]:
    wanted = cache(lambda size: reduced(whole, size))

    @cache
    def of(content: bytes) -> float:
        image = shown(Image.open(io.BytesIO(content)))
        # Some round a side in another way.
        near = all(abs(one - other) <= 1 for one, other in zip(image.size, answers.size, strict=True))
        assert near, f"{image.size} instead of {answers.size}"
        return score(wanted(image.size), image)

    return [of(content) for content in answers.contents]


def score(wanted: Image.Image, image: Image.Image) -> float:
    """Return the score of an image; both are sRGB, and of the same size."""
    return float(compute_ssimulacra2(_as_file(wanted), _as_file(image)))


def reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture at a size; it is rounded to whole numbers only at the end."""
    if image.size == size:
        return image
    pixels = np.asarray(image, dtype=np.float32)
    bands = [
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels[:, :, band])).resize(size, Image.Resampling.LANCZOS))
        for band in range(3)
    ]
    rounded: NDArray[np.uint8] = np.clip(np.rint(np.stack(bands, axis=2)), 0, 255).astype(np.uint8)
    return Image.fromarray(rounded)


def shown(image: Image.Image) -> Image.Image:
    """Return a picture as a browser shows it: by its orientation and its profile."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image).convert("RGB")
    if not profile:
        return upright
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(upright, own, ImageCms.createProfile("sRGB"), intent)
    assert converted is not None
    return converted


def _as_file(image: Image.Image) -> io.BytesIO:
    left, top = (max(0, (side - SIDE_MAX) // 2) for side in image.size)
    middle = image.crop((left, top, left + min(SIDE_MAX, image.width), top + min(SIDE_MAX, image.height)))
    out = io.BytesIO()
    middle.save(out, "PNG", compress_level=0)
    out.seek(0)
    return out
