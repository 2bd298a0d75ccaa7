"""The score of a rendition, and what it is compared with."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.support.colour_profiles import DISPLAY_P3, profile, wide_gamut
from tools.bench import score
from tools.bench.photos import sources
from tools.bench.score import Answers

TURNED = 6


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.open(sources()[-1]).convert("RGB").resize((600, 400), Image.Resampling.LANCZOS)


def jpeg(image: Image.Image, quality: int = 95, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0, **options)  # type: ignore[arg-type]
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures of the same size, of 255."""
    assert one.size == other.size
    return float(np.mean(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float))))


def kept(folder: Path, content: bytes) -> Path:
    path = folder / "source.jpg"
    path.write_bytes(content)
    return path


def test_the_worse_it_looks_the_lower_it_scores(photograph: Image.Image, tmp_path: Path) -> None:
    contents = [jpeg(photograph.resize((300, 200), Image.Resampling.LANCZOS), quality) for quality in (95, 75, 40)]
    [found] = score.scores(kept(tmp_path, jpeg(photograph, 100)), [Answers((300, 200), contents)])
    assert found[0] > 80
    assert found == sorted(found, reverse=True)


def test_a_picture_is_seen_upright_and_by_its_profile(photograph: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED
    wide = wide_gamut(DISPLAY_P3)
    lying = photograph.transpose(Image.Transpose.ROTATE_90)
    converted = ImageCms.profileToProfile(lying, ImageCms.createProfile("sRGB"), profile(wide))
    assert converted
    assert difference(score.shown(opened(jpeg(converted, 100, exif=exif, icc_profile=wide))), photograph) < 1
    assert difference(score.shown(opened(jpeg(converted, 100, exif=exif))), photograph) > 3


def test_a_side_may_be_rounded_in_another_way_and_not_differ_more(photograph: Image.Image, tmp_path: Path) -> None:
    source = kept(tmp_path, jpeg(photograph, 100))
    near = jpeg(photograph.resize((300, 199), Image.Resampling.LANCZOS))
    [[found]] = score.scores(source, [Answers((300, 200), [near])])
    assert found > 80
    with pytest.raises(AssertionError, match="instead of"):
        score.scores(source, [Answers((300, 202), [near])])


def test_only_the_middle_of_a_large_picture_is_looked_at(photograph: Image.Image) -> None:
    large = photograph.resize((1800, 1200))
    harmed = large.copy()
    harmed.paste((0, 0, 0), (0, 0, 300, 1200))
    assert score.score(large, harmed) == 100
