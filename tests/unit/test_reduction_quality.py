"""Small renditions of photographs look the same, and have as many bytes, whether they are made from the upload or from
its reduction. docs/rendering.md has the numbers of a better measure, for more photographs.
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import skimage
import sklearn
from PIL import Image, ImageCms
from skimage.metrics import structural_similarity

from services.core.assets.facts import Facts
from services.jobs.describe.picture import seen
from services.transform.answer.decide import Rendition, with_reduction
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.colour_profiles import DISPLAY_P3, profile, wide_gamut
from tests.support.entries import made_entry
from tests.support.pixels import decode
from tests.support.reductions import a_reduction

PHOTOGRAPHS = [
    Path(sklearn.__file__).parent / "datasets/images/flower.jpg",
    Path(skimage.__file__).parent / "data/coffee.png",
    Path(skimage.__file__).parent / "data/chelsea.png",
]
CAMERA = (4032, 3024)
SSIM, BYTES = 0.003, 0.02
"""How much worse a rendition may be, and by which share larger or smaller: on average of the photographs."""


@dataclass(frozen=True)
class Made:
    ssim: float
    size: int


@cache
def photograph(path: Path) -> Image.Image:
    """Return a photograph as large as those of a phone."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    cut = min(width, height * 4 // 3), min(height, width * 3 // 4)
    left, top = (width - cut[0]) // 2, (height - cut[1]) // 2
    return image.crop((left, top, left + cut[0], top + cut[1])).resize(CAMERA, Image.Resampling.LANCZOS)


def stored(image: Image.Image, kind: str) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    if kind == "turned":
        exif[0x0112] = 6
    if kind == "wide gamut":
        wide = wide_gamut(DISPLAY_P3)
        converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), profile(wide))
        assert converted
        converted.save(out, "JPEG", quality=92, icc_profile=wide)
    else:
        image.save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()


def judged(content: bytes, original: Image.Image) -> Made:
    """Compare a rendition with the photograph before it was stored."""
    image = decode(content).convert("RGB")
    wanted = original.resize(image.size, Image.Resampling.LANCZOS)
    found = structural_similarity(np.asarray(image), np.asarray(wanted), channel_axis=2)  # type: ignore[no-untyped-call]
    return Made(float(found), len(content))


@pytest.mark.parametrize("width", [200, 400])
@pytest.mark.parametrize("kind", ["plain", "turned", "wide gamut"])
def test_renditions_from_the_upload_and_from_its_reduction_are_alike(kind: str, width: int) -> None:
    pairs = []
    for path in PHOTOGRAPHS:
        content = stored(photograph(path), kind)
        shown = photograph(path).transpose(Image.Transpose.ROTATE_270) if kind == "turned" else photograph(path)
        facts, reduction = seen(content, "image/jpeg", 50_000_000, 1024)
        assert reduction
        entry = made_entry().with_facts(Facts(int(str(facts["width"])), int(str(facts["height"]))))
        record = a_reduction(entry, content=reduction.content, width=reduction.width, height=reduction.height)
        decision = with_reduction(Rendition(entry, Plan(width)), record, 8192)
        assert isinstance(decision, Rendition)
        assert decision.reduced, "it is small enough"
        sources = ((content, decision.plan), (reduction.content, decision.reduced.plan))
        pairs.append([judged(pipeline.render(*source, Limits()).content, shown) for source in sources])
    from_upload, from_reduction = zip(*pairs, strict=True)
    lost = np.mean([one.ssim for one in from_upload]) - np.mean([one.ssim for one in from_reduction])
    more = sum(one.size for one in from_reduction) / sum(one.size for one in from_upload) - 1
    assert lost <= SSIM
    assert abs(more) <= BYTES
