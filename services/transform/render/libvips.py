"""libvips as renders use it. It is imported from here only, so that it is always set up before its first use."""

import os

# One thread per render: the service runs as many renders as there are cores, libvips must not multiply them.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import ctypes
from collections.abc import Sequence
from typing import Any

import _libvips
import pyvips
from pyvips import Error, GValue, Image, Source

from services.core.assets import media_types
from services.transform.render.stop import Stop

__all__ = [
    "LOADERS",
    "Error",
    "Image",
    "Source",
    "field",
    "in_memory",
    "joined",
    "selected",
    "set_field",
    "set_profile",
]

LOADERS = {
    media_types.JPEG: "jpeg",
    media_types.PNG: "png",
    media_types.WEBP: "webp",
    media_types.AVIF: "heif",
    media_types.GIF: "gif",
    media_types.TIFF: "tiff",
}
"""What the loader of a type is called."""
_CLASSES = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")

_INFO, _DEBUG = 1 << 6, 1 << 7
"""Levels of messages in GLib."""
# libvips tells several times in each render what it is doing. pyvips hands that to Python, which throws it away. GLib's
# own handler does so at once. Warnings still come to Python.
_glib = ctypes.CDLL(_libvips.__file__)
_glib.g_log_set_handler(b"VIPS", _INFO | _DEBUG, _glib.g_log_default_handler, None)
# Every loader that is not needed is off: the stored bytes come from outside.
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _CLASSES:
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)
# The operation cache would keep images of earlier requests that nobody asks for again.
pyvips.cache_set_max(0)


def field(image: Image, name: str, default: Any) -> Any:
    """Return a field of an image's metadata, or `default` when the image does not have it."""
    return image.get(name) if image.get_typeof(name) else default


def set_field(image: Image, name: str, value: int) -> None:
    """Set an integer field of an image's metadata, in place."""
    image.set_type(GValue.gint_type, name, value)


def set_profile(image: Image, profile: bytes) -> None:
    """Set the colour profile of an image, in place."""
    image.set_type(GValue.blob_type, "icc-profile-data", profile)


def in_memory(image: Image, stop: Stop) -> Image:
    """Make all pixels of an image, so that they can be read in any order; `stop` ends it."""
    stop.by(lambda: image.set_kill(True))
    return image.copy_memory()


def selected(image: Image, height: int, pages: Sequence[int]) -> Image:
    """Return an animation of some frames of another, in their order; all of them are `height` pixels high."""
    delays = field(image, "delay", [])
    chosen = joined([image.crop(0, page * height, image.width, height) for page in pages])
    chosen.set_type(GValue.array_int_type, "delay", [delays[page] for page in pages if page < len(delays)])
    return chosen


def joined(frames: Sequence[Image]) -> Image:
    """Return an animation of frames of the same size, which lie below one another."""
    image = Image.arrayjoin(frames, across=1).copy()
    set_field(image, "page-height", frames[0].height)
    return image
