"""Load: from a source to pixels. What is to become smaller is made smaller while it is decoded, as far as possible."""

from services.core import jpeg_pixels
from services.core.assets import media_types
from services.core.assets.containers.jpeg import END
from services.core.assets.orientation import turned
from services.core.errors import Undecodable
from services.transform.render import document, jpeg, resizer
from services.transform.render.geometry import jpeg_shrink
from services.transform.render.libvips import LOADERS, Image, selected, set_profile
from services.transform.render.stages import Document, Order, Picture, Raster
from services.transform.render.steps.scale import scale


def load(source: Document | Raster, order: Order) -> Picture:
    """Return the pixels of a source, no smaller than those of the result; documents are drawn in the size wanted."""
    if isinstance(source, Document):
        return _drawn(source, order)
    if source.mended and not jpeg_pixels.are_all_there(source.content.removesuffix(END)):
        raise Undecodable("The stored file cannot be rendered: it is cut short.", "Upload the whole file again.")
    # Turned only once it is small: so the sides are those of the picture as it is stored.
    width, height = turned(source.box.width, source.box.height, source.orientation)
    is_rgb_jpeg = source.media_type == media_types.JPEG and source.interpretation == "srgb"
    image, pixels = _jpeg(source, width, height, order) if is_rgb_jpeg else (_thumbnail(source, width, height), None)
    picture = Picture(image, source.box, source.frames, source.orientation, pixels)
    if is_rgb_jpeg and source.profiled:
        # Colours are converted when there are fewer pixels, as libvips' thumbnail does it.
        small = scale(picture, order)
        return small.showing(small.image.icc_transform("srgb", embedded=True))
    return picture


def _drawn(source: Document, order: Order) -> Picture:
    drawn = document.draw(source.content, source.media_type, order.plan, order.limits, order.stop)
    image = Image.new_from_memory(drawn.pixels, drawn.box.width, drawn.box.height, 4, "uchar")
    return Picture(image.copy(interpretation="srgb"), drawn.box)


def _jpeg(source: Raster, width: int, height: int, order: Order) -> tuple[Image, bytes | None]:
    """Return the picture, and its pixels if they are in memory."""
    shrink = jpeg_shrink(min(source.width / width, source.height / height), reduced=order.plan.reduced is not None)
    pixels = jpeg.decode(source.content, shrink, order.stop)
    if pixels is None or (source.profiled and not pixels.profile):
        return Image.jpegload_buffer(source.content, shrink=shrink, access="sequential", fail_on="truncated"), None
    pixels = resizer.scaled(pixels, width, height)
    image = Image.new_from_memory(pixels.content, pixels.stride, pixels.rows, 3, "uchar").copy(interpretation="srgb")
    if source.profiled:
        set_profile(image, pixels.profile)
    whole = (pixels.width, pixels.height) == (pixels.stride, pixels.rows)
    return (image, pixels.content) if whole else (image.crop(0, 0, pixels.width, pixels.height), None)


def _decoded(source: Raster) -> Image:
    """Return the pixels of a source with the profile that counts. Sources of several frames never have one."""
    load = getattr(Image, f"{LOADERS[source.media_type]}load_buffer")
    image = load(source.content, access="sequential", fail_on="truncated")
    if image.bands < 3:
        image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
    image = image.copy()
    set_profile(image, source.profile)
    return image


def _thumbnail(source: Raster, width: int, height: int) -> Image:
    # It scales too: between decoding and scaling it converts colours, and multiplies them by transparency.
    if source.profile:
        return _decoded(source).thumbnail_image(
            width, height=height, size="force", no_rotate=True, output_profile="srgb"
        )
    image = Image.thumbnail_buffer(
        source.content,
        width,
        height=height,
        size="force",
        # The loader has to be told here: thumbnail's own fail_on does not reach it.
        option_string="[n=-1,fail_on=truncated]" if source.frames > 1 else "[fail_on=truncated]",
        no_rotate=True,
        **({"output_profile": "srgb"} if source.profiled else {}),
    )
    return selected(image, height, source.pages) if source.frames > 1 and source.pages else image
