"""A reduction: a small picture of an object, made once after the upload, from which small renditions are made. Pure.

It is one file, in which a second picture with half the sides follows the first one, for the smallest renditions. A
decoder that knows nothing of it sees the first one only.

A reduction is an optimisation. Whatever is missing or damaged of it, the object itself is there.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from services.core.assets.entries import Entry
from services.core.assets.media_types import AVIF, JPEG, PNG, TIFF, WEBP, sniff

PREFIX = ".reductions/"
"""What their storage keys begin with. No asset can have such a key, because of the dot."""
REVISION = 2
"""Raise it when reductions are made in another way: the job *reduce* then makes all of them anew."""
TYPES = (JPEG, WEBP)
"""Media types of reductions: without and with transparency."""
BYTES_MAX = 8 * 1024 * 1024
SIDE_MAX = 2048
"""Pixels of the longer side, at most."""
SHARE_MAX = 0.54
"""How large, beside a picture of a reduction, a rendition may be that is made from it. Up to 0.53 it scores as one from
the upload, and at 0.59 up to a point less (docs/rendering.md)."""

_LEAST_SIDE = 512
"""Pixels of the longer side of a picture. What is smaller costs little in any case."""
_SECONDS = {JPEG: 0.003, PNG: 0.016, WEBP: 0.010, AVIF: 0.043, TIFF: 0.005}
"""Seconds of processor time per megapixel, to decode a picture for a small rendition."""
_CONVERTING = 0.010
"""Seconds to convert the colours of a small rendition."""
_SAVED = 0.005
"""Seconds that a reduction saves each small rendition, at least, to be worth its room."""
_SHARE_OF_PNG = 0.5
"""Of the bytes of a PNG, at most, that its reduction may have. Of photographs it has less than a tenth."""


@dataclass(frozen=True, slots=True)
class Part:
    """A picture in the file of a reduction: `size` bytes from `start` on. Its sides are in pixels."""

    start: int
    size: int
    width: int
    height: int

    @property
    def end(self) -> int:
        return self.start + self.size

    def of(self, content: bytes) -> bytes:
        """Return the picture out of the file."""
        return content[self.start : self.end]

    def suffices(self, width: int, height: int) -> bool:
        """Say whether a picture of this size, before anything is cut off, can be made from it."""
        return width <= SHARE_MAX * self.width and height <= SHARE_MAX * self.height


@dataclass(frozen=True, slots=True)
class Reduction:
    """What the catalog knows of a reduction. `digest` is the SHA-256 of its bytes, `size` how many they are.

    It shows the object with the SHA-256 `of`. Sides are in pixels, those of its first picture, and all its pictures are
    upright and sRGB. `side` and `revision` are the setting and the REVISION with which it was made. `smaller` are the
    pictures after the first one, each smaller than the one before. Records of earlier versions have none.
    """

    storage_key: str
    of: str
    digest: str
    size: int
    media_type: str
    width: int
    height: int
    side: int
    revision: int
    smaller: tuple[Part, ...] = ()

    def shows(self, entry: Entry) -> bool:
        """Say whether it is a reduction of what the entry refers to now."""
        return self.of == entry.signature

    @property
    def is_transparent(self) -> bool:
        return self.media_type == WEBP

    def is_current(self, side: int) -> bool:
        """Say whether it is as one that is made now."""
        return (self.side, self.revision) == (side, REVISION)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All its pictures, the largest first."""
        return parts(self.size, self.width, self.height, self.smaller)

    def parts_for(self, width: int, height: int) -> list[Part]:
        """Return its pictures from which one of this size, before anything is cut off, can be made; smallest first."""
        return [part for part in reversed(self.parts) if part.suffices(width, height)]


def parts(size: int, width: int, height: int, smaller: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return all pictures of a reduction of `size` bytes, by the sides of the first one and those after it."""
    return (Part(0, smaller[0].start if smaller else size, width, height), *smaller)


def are_pictures(said: tuple[Part, ...], content: bytes, media_type: str) -> bool:
    """Say whether a file has these pictures, one after the other, none larger than the one before, and nothing else."""
    ends = [0, *(part.end for part in said)]
    return (
        [*(part.start for part in said), len(content)] == ends
        and all(sniff(part.of(content)) == media_type and min(part.width, part.height) > 0 for part in said)
        and all(after.width <= one.width and after.height <= one.height for one, after in pairwise(said))
    )


def may_pay(entry: Entry, side: int) -> bool:
    """Say whether a reduction of an entry's picture pays, as far as the catalog can tell: if its colours need it."""
    if not entry.width or not entry.height:
        return False
    return pays(entry.stored_type, entry.width, entry.height, side, converts=True)


def surely_pays(entry: Entry, side: int) -> bool:
    """Say whether a reduction of an entry's picture pays, whatever the picture is like. Of a PNG that is not known."""
    if not entry.width or not entry.height or entry.stored_type == PNG:
        return False
    return pays(entry.stored_type, entry.width, entry.height, side, converts=False)


def pays(media_type: str, width: int, height: int, side: int, *, converts: bool) -> bool:
    """Say whether a reduction with a longer side of `side` pixels pays; with 0 none does.

    `converts` says whether the colours of the picture have to be converted. An animation has no reduction, whatever
    this says.
    """
    if not side or media_type not in _SECONDS or max(width, height) < _LEAST_SIDE:
        return False
    pixels = width * height / 1_000_000
    left = pixels * min(1, side / max(width, height)) ** 2
    saved = _SECONDS[media_type] * pixels - _SECONDS[JPEG] * left
    return saved + (_CONVERTING if converts else 0) >= _SAVED


def is_kept(media_type: str, size: int, upload_size: int) -> bool:
    """Say whether a reduction of so many bytes is worth its room, and does no harm.

    A PNG that has hardly more bytes than its reduction is no photograph but a drawing, or a picture of a screen. A
    reduction loses some of its edges and flat colours.
    """
    return size <= BYTES_MAX and (media_type != PNG or size <= _SHARE_OF_PNG * upload_size)


def stored_as(entry: Entry, reduction: Reduction, part: Part | None = None) -> Entry:
    """Return an entry as if its reduction were its object, with the sides of `part`, by default the first picture."""
    shown = part or reduction.parts[0]
    return replace(
        entry,
        storage_key=reduction.storage_key,
        signature=reduction.digest,
        size=reduction.size,
        stored_mimetype=reduction.media_type,
        width=shown.width,
        height=shown.height,
    )
