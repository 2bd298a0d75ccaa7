"""Stored bytes in, a rendition out, by libvips."""

import os

# One thread per render: the service runs as many renders as there are cores, libvips must not multiply them.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyvips

from services.core.assets import media_types
from services.core.errors import Undecodable
from services.transform.render import bare, drawing, formats, guard, jpeg, webp
from services.transform.render.colour import is_srgb
from services.transform.render.formats import Encoding
from services.transform.render.geometry import Box, fit, jpeg_shrink
from services.transform.render.guard import Header, Limits
from services.transform.render.plan import Plan, Rendered
from services.transform.render.stopping import Stop

REVISION = 3
"""Raise it when the same request would give other bytes: it is part of every rendition's ETag."""

_LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")
_LOADER = {
    formats.JPEG: "jpeg",
    formats.PNG: "png",
    formats.WEBP: "webp",
    formats.AVIF: "heif",
    "image/gif": "gif",
    "image/tiff": "tiff",
}
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""
_PLAIN_COLOURS = ("srgb", "b-w", "rgb16", "grey16")
"""What is sRGB when no profile says otherwise (8 or 16 bits)."""
_WHITE = [255, 255, 255]
_TRIES = 5
"""Encodings that a byte budget may cost after the first."""

# Every loader that is not needed is off: the stored bytes come from outside.
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)
# The operation cache would keep images of earlier requests for nobody.
pyvips.cache_set_max(0)


def render(source: bytes, plan: Plan, limits: Limits, stop: Stop | None = None) -> Rendered:
    """Make of a source what the plan says: upright, sRGB, without metadata, its animation kept.

    Raises Undecodable for bytes that are no whole image, and for what is beyond the limits; what `stop` was pulled
    with when it was pulled.
    """
    stop = stop or Stop()
    try:
        guard.check_size(len(source), limits)
        media_type = guard.sniff(source)
        if media_type in guard.DRAWN:
            return _drawn(source, media_type, plan, limits, stop)
        return _Raster(source, media_type, plan, limits, stop).render()
    except pyvips.Error as error:
        stop.check()
        reason = str(error).strip().splitlines()[-1].strip()
        raise Undecodable(f"The stored file cannot be rendered: {reason}.", "Upload it again.") from None


def _drawn(source: bytes, media_type: str, plan: Plan, limits: Limits, stop: Stop) -> Rendered:
    drawn = drawing.draw(source, media_type, plan, limits, stop)
    box = drawn.box
    image = pyvips.Image.new_from_memory(drawn.pixels, box.width, box.height, 4, "uchar").copy(interpretation="srgb")
    return _encoded(_cut(image, plan, box, 1, stop), plan, limits, 1, stop)


class _Raster:
    """One render of an image that has pixels of its own."""

    def __init__(self, source: bytes, media_type: str, plan: Plan, limits: Limits, stop: Stop) -> None:
        self.source = bare.without_texts(source) if media_type == formats.PNG else source
        self.media_type, self.plan, self.limits, self.stop = media_type, plan, limits, stop
        # By its name, as looking for the loader takes longer than reading a header. A buffer would be copied.
        load = getattr(pyvips.Image, f"{_LOADER[media_type]}load_source")
        self.header = header = load(pyvips.Source.new_from_memory(self.source))
        frames = _frames(header, media_type)
        guard.check(
            Header(
                media_type,
                header.width,
                header.height,
                frames,
                bands=header.bands,
                bits=16 if header.format == "ushort" else 8,
                interlaced=bool(_field(header, "interlaced", 0)),
                subsampled=_field(header, "jpeg-chroma-subsample", "4:2:0") == "4:2:0",
            ),
            limits,
        )
        self.frames = frames if formats.animated(plan.format, frames) else 1
        # The frames of an animation lie below one another: turned together they would be none. No camera makes one.
        self.orientation = _field(header, "orientation", 1) if frames == 1 else 1
        width, height = header.width, header.height
        if self.orientation in _TURNED:
            width, height = height, width
        self.box = fit(width, height, plan, formats.side_max(plan.format, limits))
        self.whole = (self.box.crop_width, self.box.crop_height) == (width, height)

    def render(self) -> Rendered:
        made = self._made()
        if not self.whole or len(made.content) <= len(self.source):
            return made
        # Never more bytes than the source has, where there is a way.
        kept = self._as_it_is(made)
        if kept is not None:
            return kept
        if made.media_type == media_types.WEBP and self.media_type in ("image/png", "image/gif", media_types.WEBP):
            exact = self._made(lossless=True)
            return min(made, exact, key=lambda rendered: len(rendered.content))
        return made

    def _as_it_is(self, made: Rendered) -> Rendered | None:
        """Return the source without its metadata, if it shows what was asked for without being rendered."""
        as_asked = self.media_type == made.media_type and self.plan.may_be_source
        if not as_asked or self.orientation != 1 or self.header.interpretation not in ("srgb", "b-w"):
            return None
        if self._profiled:
            return None
        content = bare.without_metadata(self.source, self.media_type)
        if content is None or len(content) >= len(made.content):
            return None
        return replace(made, content=content)

    @property
    def _profiled(self) -> bool:
        """Say whether the colours have to be converted."""
        if self.header.get_typeof("icc-profile-data"):
            return not is_srgb(bytes(self.header.get("icc-profile-data")))
        return self.header.interpretation not in _PLAIN_COLOURS

    def _made(self, *, lossless: bool = False) -> Rendered:
        picture = _cut(self._scaled(), self.plan, self.box, self.frames, self.stop)
        return _encoded(picture, self.plan, self.limits, self.frames, self.stop, lossless=lossless)

    def _scaled(self) -> "pyvips.Image":
        width, height = self.box.width, self.box.height
        if self.orientation in _TURNED:
            width, height = height, width
        image = self._plain_jpeg(width, height) if self._is_plain_jpeg else self._thumbnail(width, height)
        if self.orientation == 1:
            return image
        # Turned only once it is small, and decoded by a step that can be stopped: thumbnail's own turning cannot.
        whole = _in_memory(image, self.stop)
        whole.set_type(pyvips.GValue.gint_type, "orientation", self.orientation)
        return whole.autorot()

    @property
    def _is_plain_jpeg(self) -> bool:
        return self.media_type == formats.JPEG and self.header.interpretation == "srgb" and not self._profiled

    def _plain_jpeg(self, width: int, height: int) -> "pyvips.Image":
        factor = min(self.header.width / width, self.header.height / height)
        shrink = jpeg_shrink(factor)
        if pixels := jpeg.decode(self.source, shrink, self.stop):
            image = _of_pixels(pixels)
        else:
            image = pyvips.Image.jpegload_buffer(self.source, shrink=shrink, access="sequential", fail_on="truncated")
        if (image.width, image.height) == (width, height):
            return image
        return image.resize(width / image.width, vscale=height / image.height)

    def _thumbnail(self, width: int, height: int) -> "pyvips.Image":
        return pyvips.Image.thumbnail_buffer(
            self.source,
            width,
            height=height,
            size="force",
            # The loader has to be told here: thumbnail's own fail_on does not reach it.
            option_string="[n=-1,fail_on=truncated]" if self.frames > 1 else "[fail_on=truncated]",
            no_rotate=True,
            **({"output_profile": "srgb"} if self._profiled else {}),
        )


def _of_pixels(pixels: jpeg.Pixels) -> "pyvips.Image":
    image = pyvips.Image.new_from_memory(pixels.content, pixels.stride, pixels.rows, 3, "uchar")
    image = image.copy(interpretation="srgb")
    whole = (pixels.width, pixels.height) == (pixels.stride, pixels.rows)
    return image if whole else image.crop(0, 0, pixels.width, pixels.height)


def _cut(image: "pyvips.Image", plan: Plan, box: Box, frames: int, stop: Stop) -> "pyvips.Image":
    """Cut every frame alike; the frames of an animation lie below one another."""
    if not box.cuts:
        return image
    left, top = box.left, box.top
    smart = plan.focus == "smart"
    if smart or frames > 1:
        image = _in_memory(image, stop)
    if smart:
        first = image.crop(0, 0, box.width, box.height)
        chosen = first.smartcrop(box.crop_width, box.crop_height, interesting="attention")
        left, top = -chosen.xoffset, -chosen.yoffset
    if frames == 1:
        return image.crop(left, top, box.crop_width, box.crop_height)
    cut = [image.crop(left, top + at * box.height, box.crop_width, box.crop_height) for at in range(frames)]
    joined = pyvips.Image.arrayjoin(cut, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", box.crop_height)
    return joined


def _encoded(
    image: "pyvips.Image", plan: Plan, limits: Limits, frames: int, stop: Stop, *, lossless: bool = False
) -> Rendered:
    """Encode a picture, within the plan's byte budget as far as its quality can be lowered."""
    transparent = False
    if image.hasalpha() and plan.format == "plain":
        image = _in_memory(image, stop)
        transparent = image[image.bands - 1].min() < 255
    encoding = formats.choose(plan, limits, image.width, image.height // frames, frames, transparent=transparent)
    if encoding.media_type == formats.JPEG and image.hasalpha():
        image = image.flatten(background=_WHITE)
    if plan.max_bytes:
        image = _in_memory(image, stop)
    content = _save(image, replace(encoding, lossless=lossless), stop)
    if plan.max_bytes and len(content) > plan.max_bytes:
        content = min([content, *_smaller(image, encoding, plan.max_bytes, stop)], key=_fitness(plan.max_bytes))
    return Rendered(content, encoding.media_type, image.width, image.height // frames)


def _smaller(image: "pyvips.Image", encoding: Encoding, most: int, stop: Stop) -> list[bytes]:
    """Return encodings of ever better fitting size."""
    if encoding.media_type == formats.PNG:
        found: list[bytes] = []
        for colours in formats.COLOURS:
            found.append(_save(image, replace(encoding, colours=colours), stop))
            if len(found[-1]) <= most:
                break
        return found
    found = [_save(image, replace(encoding, quality=formats.QUALITY_MIN), stop)]
    low, high = formats.QUALITY_MIN, encoding.quality
    for _ in range(_TRIES - 1):
        if len(found[0]) > most or high - low <= 1:
            break
        middle = (low + high) // 2
        found.append(_save(image, replace(encoding, quality=middle), stop))
        low, high = (middle, high) if len(found[-1]) <= most else (low, middle)
    return found


def _fitness(most: int) -> Callable[[bytes], tuple[bool, int]]:
    """Order contents: what fits before what does not, the largest of those first, the smallest of these."""
    return lambda content: (len(content) > most, -len(content) if len(content) <= most else len(content))


def _save(image: "pyvips.Image", encoding: Encoding, stop: Stop) -> bytes:
    saver = {formats.WEBP: "webp", formats.AVIF: "heif", formats.JPEG: "jpeg", formats.PNG: "png"}[encoding.media_type]
    stop.by(lambda: image.set_kill(True))
    if _is_quick(image, encoding):
        pixels = image.write_to_memory()
        stop.check()
        return webp.encode(pixels, image.width, image.height, encoding.quality, encoding.effort)
    content: bytes = getattr(image, f"{saver}save_buffer")(keep="none", **encoding.options())
    stop.check()
    return content


def _is_quick(image: "pyvips.Image", encoding: Encoding) -> bool:
    """Say whether a picture is for the encoder that cannot be stopped: a WebP, small, opaque, of one frame."""
    return (
        encoding.media_type == formats.WEBP
        and not encoding.lossless
        and (image.bands, image.format, image.interpretation) == (3, "uchar", "srgb")
        and image.width * image.height <= webp.PIXELS_MAX
        and not image.get_typeof("page-height")
    )


def _in_memory(image: "pyvips.Image", stop: Stop) -> "pyvips.Image":
    stop.by(lambda: image.set_kill(True))
    return image.copy_memory()


def _frames(header: "pyvips.Image", media_type: str) -> int:
    # A TIFF or an AVIF with several pages is a document or a burst: its first page stands for it.
    # libvips' own reading of this field, get_n_pages, takes 10 000 frames and more for one.
    return int(_field(header, "n-pages", 1)) if media_type in (media_types.WEBP, "image/gif") else 1


def _field(header: "pyvips.Image", name: str, default: Any) -> Any:
    return header.get(name) if header.get_typeof(name) else default
