"""Encode: from pixels to bytes."""

from dataclasses import replace

from services.core.assets import media_types
from services.transform.render import formats, libwebp, webp
from services.transform.render.formats import Encoding
from services.transform.render.libvips import Image, in_memory
from services.transform.render.stages import Encoded, Order, Picture
from services.transform.render.stop import Stop

_SAVER = {media_types.WEBP: "webp", media_types.AVIF: "heif", media_types.JPEG: "jpeg", media_types.PNG: "png"}


def encode(picture: Picture, order: Order) -> Encoded:
    """Encode a picture in the format, quality and effort that suit the plan and its size."""
    plan, image, frames = order.plan, picture.image, picture.frames
    width, height = image.width, image.height // frames
    transparent = plan.format == "plain" and image.hasalpha()
    encoding = formats.choose(plan, order.limits, width, height, frames, transparent=transparent)
    if order.lossless:
        encoding = replace(encoding, lossless=True)
    if plan.max_bytes:
        # It may be encoded more than once.
        picture = picture.showing(in_memory(image, order.stop))
    return Encoded(picture.image, width, height, encoding, save(picture.image, encoding, order.stop, picture.pixels))


def save(image: Image, encoding: Encoding, stop: Stop, pixels: bytes | None = None) -> bytes:
    """Return the bytes of an image, without metadata; `stop` ends it. `pixels` are those of the image, if known."""
    stop.by(lambda: image.set_kill(True))
    if _is_plain_webp(image, encoding):
        pixels = image.write_to_memory() if pixels is None else pixels
        return libwebp.encode(pixels, image.width, image.height, encoding.quality, encoding.effort, stop)
    saved: bytes = getattr(image, f"{_SAVER[encoding.media_type]}save_buffer")(keep="none", **encoding.options())
    return webp.announcing_alpha(saved) if encoding.media_type == media_types.WEBP and image.hasalpha() else saved


def _is_plain_webp(image: Image, encoding: Encoding) -> bool:
    """Say whether a picture becomes a WebP of one opaque frame, with the usual loss."""
    return (
        encoding.media_type == media_types.WEBP
        and not encoding.lossless
        and (image.bands, image.format, image.interpretation) == (3, "uchar", "srgb")
        and not image.get_typeof("page-height")
    )
