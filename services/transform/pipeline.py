"""Stored bytes in, a rendition out, by libvips. The only module that imports pyvips."""

import os

# One thread per render: the service runs as many renders as there are cores, libvips must not multiply them.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips

from services.core import media_types
from services.core.errors import Undecodable
from services.transform import guard
from services.transform.geometry import fit, quality_for
from services.transform.guard import Header, Limits
from services.transform.plan import Plan, Rendered

REVISION = 1
"""Raise it when the same request would give other bytes: it is part of every rendition's ETag."""

EFFORT = 4
"""libwebp's 0…6. At 800 px effort 2 takes 0.6 of the time for 2-8 % more bytes, effort 6 twice for 1-2 % fewer."""

_LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

# Every loader that is not needed is off: the stored bytes come from outside.
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)
# The operation cache would keep images of earlier requests for nobody.
pyvips.cache_set_max(0)


def render(source: bytes, plan: Plan, limits: Limits) -> Rendered:
    """Make of a source what the plan says: upright, sRGB, without metadata, its animation kept.

    Raises Undecodable for bytes that are no whole image, and for what is beyond the limits.
    """
    try:
        return _render(source, plan, limits)
    except pyvips.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise Undecodable(f"The stored file cannot be rendered: {reason}.", "Upload it again.") from None


def _render(source: bytes, plan: Plan, limits: Limits) -> Rendered:
    header = pyvips.Image.new_from_buffer(source, "")
    frames = header.get_n_pages() if _may_be_animated(header) else 1
    page_width, page_height = header.width, header.height
    guard.check(Header(page_width, page_height, frames), limits)
    if frames == 1 and _orientation(header) in _TURNED:
        page_width, page_height = page_height, page_width
    fitted = fit(page_width, page_height, plan.width, plan.height)
    image = pyvips.Image.thumbnail_buffer(
        source,
        fitted.width,
        height=fitted.height,
        size="force",
        # The loader has to be told here: thumbnail's own fail_on does not reach it.
        option_string="[n=-1,fail_on=truncated]" if frames > 1 else "[fail_on=truncated]",
        output_profile="srgb",
        # The frames of an animation lie below one another: turned together they would be none. No camera makes one.
        no_rotate=frames > 1,
    )
    image = _cut(image, fitted.width, fitted.height, fitted.crop_width, fitted.crop_height, frames)
    content: bytes = image.webpsave_buffer(
        Q=plan.quality or quality_for(fitted.crop_width, fitted.crop_height), effort=EFFORT, keep="none"
    )
    return Rendered(content, media_types.WEBP, fitted.crop_width, fitted.crop_height)


def _cut(
    image: "pyvips.Image", width: int, height: int, crop_width: int, crop_height: int, frames: int
) -> "pyvips.Image":
    """Cut the middle out of every frame; the frames of an animation lie below one another."""
    if (crop_width, crop_height) == (width, height):
        return image
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    if frames == 1:
        return image.crop(left, top, crop_width, crop_height)
    image = image.copy_memory()
    cut = [image.crop(left, top + at * height, crop_width, crop_height) for at in range(frames)]
    joined = pyvips.Image.arrayjoin(cut, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", crop_height)
    return joined


def _may_be_animated(header: "pyvips.Image") -> bool:
    # A TIFF or an AVIF with several pages is a document or a burst: its first page stands for it.
    return str(header.get("vips-loader")).startswith(("webp", "gif"))


def _orientation(header: "pyvips.Image") -> int:
    return int(header.get("orientation")) if header.get_typeof("orientation") else 1
