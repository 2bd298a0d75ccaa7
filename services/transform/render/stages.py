"""What the steps of a render hand on to one another. Each stage is complete and never changes.

Document | Raster  →  Picture  →  Encoded  →  Rendered
"""

from dataclasses import dataclass, replace
from typing import Self

from services.core.assets.orientation import turned
from services.transform.render.formats import Encoding
from services.transform.render.geometry import Box
from services.transform.render.guard import Limits
from services.transform.render.libvips import Image
from services.transform.render.plan import Plan, Rendered
from services.transform.render.stop import Stop


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of a render. It is the same for all steps."""

    plan: Plan
    limits: Limits
    stop: Stop
    lossless: bool = False
    """Encode a WebP without loss."""


@dataclass(frozen=True, slots=True)
class Document:
    """A source without pixels of its own: an SVG or a PDF."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Raster:
    """A source with pixels. `width` and `height` are those of one frame as it is stored, not yet turned upright."""

    content: bytes
    media_type: str
    width: int
    height: int
    frames: int
    """Frames of the result: 1 when only the first one of an animation is shown."""
    orientation: int
    """As EXIF has it; 1 is upright."""
    interpretation: str
    """libvips' name of the colour space."""
    profiled: bool
    """The colours have to be converted to be sRGB."""
    box: Box
    profile: bytes = b""
    """An ICC profile that counts instead of the one in the file, which then has none or the wrong one."""
    pages: tuple[int, ...] = ()
    """Which of the frames in the file are the picture's; none when all of them are."""
    mended: bool = False
    """A JPEG that was stored without its end mark, and has got one."""

    @property
    def whole(self) -> bool:
        """Say whether the result has the size of the source."""
        return (self.box.crop_width, self.box.crop_height) == turned(self.width, self.height, self.orientation)


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels on their way to the size of `box`. The frames of an animation lie below one another."""

    image: Image
    box: Box
    frames: int = 1
    orientation: int = 1
    """How the pixels still have to be turned, as EXIF has it; 1 when they are upright."""
    pixels: bytes | None = None
    """The pixels of `image`, if they are there already: red, green and blue, line by line. libvips would start a thread
    to hand them out."""

    def showing(self, image: Image) -> Self:
        """Return the same picture with other pixels."""
        return replace(self, image=image, pixels=None)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished picture, and the bytes that it became. `width` and `height` are those of one frame."""

    image: Image
    width: int
    height: int
    encoding: Encoding
    content: bytes

    @property
    def rendered(self) -> Rendered:
        return Rendered(self.content, self.encoding.media_type, self.width, self.height)
