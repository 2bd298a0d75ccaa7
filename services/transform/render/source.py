"""What a source is: found out from its first bytes and its header, before anything of it is decoded."""

from dataclasses import replace

from services.core.assets import colour, media_types, orientation
from services.core.assets.containers import jpeg
from services.core.assets.srgb import is_srgb
from services.transform.render import bare, formats, gif, guard
from services.transform.render.geometry import fit
from services.transform.render.gif import Shown
from services.transform.render.guard import Header, Limits
from services.transform.render.libvips import LOADERS, Image, Source, field
from services.transform.render.plan import Plan
from services.transform.render.stages import Document, Raster

_PLAIN_COLOURS = ("srgb", "b-w", "rgb16", "grey16")
"""What is sRGB when no profile says otherwise (8 or 16 bits)."""


def inspect(content: bytes, plan: Plan, limits: Limits) -> Document | Raster:
    """Return what a stored file is; raises Undecodable for what is not rendered, or is beyond the limits."""
    guard.check_size(len(content), limits)
    media_type = guard.sniff(content)
    if media_type in guard.DRAWN:
        return Document(content, media_type)
    if media_type == media_types.PNG:
        content = bare.without_texts(content)
    shown = Shown(content)
    if media_type == media_types.GIF:
        shown = gif.shown(content, limits.frames, limits.frame_pixels)
    if media_type == media_types.JPEG and (mended := jpeg.mended(content)) is not content:
        return replace(_raster(Shown(mended), media_type, plan, limits), mended=True)
    return _raster(shown, media_type, plan, limits)


def _raster(shown: Shown, media_type: str, plan: Plan, limits: Limits) -> Raster:
    content = shown.content
    # By its name, as looking for the loader takes longer than reading a header. A buffer would be copied.
    header = getattr(Image, f"{LOADERS[media_type]}load_source")(Source.new_from_memory(content))
    # Each look at a field of libvips takes microseconds.
    width, height, interpretation, frames = (
        header.width,
        header.height,
        header.interpretation,
        _frames(header, media_type),
    )
    pages = tuple(page for page in shown.pages if page < frames)
    frames = len(pages) or frames
    guard.check(
        Header(
            media_type,
            width,
            height,
            frames,
            bands=header.bands,
            bits=16 if header.format == "ushort" else 8,
            interlaced=bool(field(header, "interlaced", 0)),
            subsampled=field(header, "jpeg-chroma-subsample", "4:2:0") == "4:2:0",
        ),
        limits,
    )
    turn = _orientation(content, media_type, frames)
    stated = colour.profile(content, media_type)
    return Raster(
        content,
        media_type,
        width,
        height,
        frames=frames if formats.animated(plan.format, frames) else 1,
        orientation=turn,
        interpretation=interpretation,
        profiled=_profiled(header, interpretation) if stated is None else bool(stated),
        profile=stated or b"",
        pages=pages,
        box=fit(*orientation.turned(width, height, turn), plan, formats.side_max(plan.format, limits)),
    )


def _frames(header: Image, media_type: str) -> int:
    # A TIFF or an AVIF with several pages is a document or a burst: its first page stands for it.
    # libvips' own reading of this field, get_n_pages, takes 10 000 frames and more for one.
    return int(field(header, "n-pages", 1)) if media_type in (media_types.WEBP, media_types.GIF) else 1


def _orientation(content: bytes, media_type: str, frames: int) -> int:
    # The frames of an animation lie below one another. They cannot be turned together, and no camera makes them.
    # An AVIF is turned by its decoder.
    return orientation.UPRIGHT if frames > 1 or media_type == media_types.AVIF else orientation.of(content, media_type)


def _profiled(header: Image, interpretation: str) -> bool:
    if header.get_typeof("icc-profile-data"):
        return not is_srgb(bytes(header.get("icc-profile-data")))
    return interpretation not in _PLAIN_COLOURS
