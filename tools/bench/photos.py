"""Real photographs, as a camera would have taken them: JPEG, 2000x1500, about 700 kB."""

import io
from pathlib import Path

import skimage
import sklearn
from PIL import Image

SIZE = (2000, 1500)
BYTES = 700_000

_SKIMAGE = (
    *("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png"),
    *("motorcycle_left.png", "retina.jpg", "rocket.jpg"),
)
_SKLEARN = ("china.jpg", "flower.jpg")


def sources() -> list[Path]:
    """Return the ten photographs that come with scikit-image and scikit-learn."""
    data, images = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"
    return [*(data / name for name in _SKIMAGE), *(images / name for name in _SKLEARN)]


def camera_sized(folder: Path) -> list[Path]:
    """Write the photographs, cut to 4:3 and enlarged, each at the quality that comes nearest to 700 kB."""
    made = []
    for source in sources():
        image = Image.open(source).convert("RGB")
        width = min(image.width, image.height * SIZE[0] // SIZE[1])
        height = min(image.height, image.width * SIZE[1] // SIZE[0])
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height)).resize(SIZE, Image.Resampling.LANCZOS)
        path = folder / f"{source.stem}.jpg"
        path.write_bytes(min((_jpeg(image, quality) for quality in range(70, 98, 3)), key=_distance))
        made.append(path)
    return made


def as_they_are(folder: Path) -> list[Path]:
    """Write the photographs at their own size, 0.1 to 2 megapixels, as JPEG."""
    made = []
    for source in sources():
        path = folder / f"{source.stem}-small.jpg"
        path.write_bytes(_jpeg(Image.open(source).convert("RGB"), 90))
        made.append(path)
    return made


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _distance(content: bytes) -> int:
    return abs(len(content) - BYTES)
