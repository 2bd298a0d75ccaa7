"""Makes the reduction of a picture from its decoded pixels. Imported only in a sandbox: see inspection.py.

What it is like is measured (docs/rendering.md). A JPEG decoder makes a picture 2, 4 or 8 times smaller for nothing, and
averaging costs little. But near the result both are coarse, so the rest of the way is left to a good filter.
"""

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from services.core.assets import media_types, reductions
from services.core.assets.reductions import Part
from services.core.assets.srgb import is_srgb
from services.jobs.describe.pixels import Intent, averaged, upright, with_profile

_REST = 1.9
"""By how much, at least, the filter makes a picture smaller, if it is so much larger: 2016 pixels to 1024."""
_DECODED_MAX = 16_000_000
"""Pixels of a JPEG that are decoded. More would need memory that its facts do not need."""
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "I;16B", "I;16L")
"""Pixels from which libvips would make the same colours: not those of printers, without a profile or with one."""
_PLAIN = ("L", "RGB")
"""Those of them that need no conversion before they are averaged, if nothing is transparent."""
_JPEG = {"format": "JPEG", "quality": 88, "subsampling": 0}
_SECOND_JPEG = {**_JPEG, "quality": 93}
_WEBP = {"format": "WEBP", "quality": 90, "method": 2}


@dataclass(frozen=True, slots=True)
class Reduced:
    """The file of a reduction, with the sides of its first picture in pixels, and the pictures after that."""

    content: bytes
    media_type: str
    width: int
    height: int
    smaller: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Maker:
    """How the reduction of one picture is made. Its profile is None where its colours are sRGB."""

    side: int
    profile: bytes | None

    def draft(self, image: Image.Image) -> None:
        """Have a JPEG decoded no larger than needed."""
        width, height = image.size
        enough = next((n for n in (8, 4, 2) if max(width, height) / n >= self.side * _REST), 1)
        factor = next((n for n in (enough, 2, 4) if n >= enough and width * height <= _DECODED_MAX * n * n), 8)
        image.draft(None, (width // factor, height // factor))

    def shrunk(self, image: Image.Image) -> Image.Image:
        """Return a decoded picture with the size of the reduction."""
        small = image
        if image.mode not in _PLAIN or image.has_transparency_data:
            small = averaged(image, max(1, int(max(image.size) / (self.side * _REST))))
        scale = min(1, self.side / max(small.size))
        width, height = (max(1, round(length * scale)) for length in small.size)
        return small.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=_REST)

    def encoded(self, small: Image.Image, turn: int) -> Reduced | None:
        """Return the reduction, from pixels that are not turned and converted yet; None if they cannot be converted."""
        alpha = small.getchannel("A") if small.mode == "RGBA" else None
        colours: Image.Image | None = small.convert("RGB") if alpha else small
        if self.profile is not None:
            assert colours
            colours = with_profile(colours, self.profile, Intent.RELATIVE_COLORIMETRIC)
        if colours is None:
            return None
        if alpha and alpha.getextrema() != (255, 255):
            colours.putalpha(alpha)
        shown = upright(colours, turn)
        shown.info = {}  # Encoders would write what it has of profiles and texts.
        transparent = shown.mode == "RGBA"
        media_type = media_types.WEBP if transparent else media_types.JPEG
        content = _saved(shown, _WEBP if transparent else _JPEG)
        half = _halved(shown, content)
        second = _saved(half, _WEBP if transparent else _SECOND_JPEG)
        return Reduced(content + second, media_type, *shown.size, (Part(len(content), len(second), *half.size),))


def _halved(shown: Image.Image, content: bytes) -> Image.Image:
    """Return a picture with half the sides; `content` is what it was encoded as.

    The decoder of a JPEG halves it in a fifth of the time of a filter. Twice would cost quality, but renditions from
    this are half as large again.
    """
    if shown.mode == "RGBA":
        return shown.reduce(2)
    half = Image.open(io.BytesIO(content))
    half.draft(None, (max(1, shown.width // 2), max(1, shown.height // 2)))
    half.load()
    return half


def _saved(image: Image.Image, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def maker(image: Image.Image, media_type: str, profile: bytes | None, side: int) -> Maker | None:
    """Return how the reduction of an opened picture is made; None if there is none. `profile` is the one that counts.

    An animation has none: its frames stay together. Of a TIFF with pages, the first is the picture.
    """
    if image.mode not in _MODES or (media_type != media_types.TIFF and getattr(image, "is_animated", False)):
        return None
    converted = profile if profile and not is_srgb(profile) else None
    if not reductions.pays(media_type, *image.size, side, converts=converted is not None):
        return None
    return Maker(side, converted)
