"""libwebp by its own C interface: the quick way from pixels to a WebP.

The library is the one in Pillow's wheel. libvips' wheel holds the same encoder, which makes the same bytes from the
same pixels and settings, but takes a quarter more time. Pillow's own function copies the pixels twice before it calls
the library, and cannot be stopped (docs/performance.md).

The structures are those of webp/encode.h. The library refuses a program that was written for another version of them.
"""

import ctypes
from ctypes import POINTER, Structure, byref, c_char, c_float, c_int, c_size_t, c_uint32, c_void_p
from typing import Any

from PIL import _webp

from services.transform.render.libvips import Error
from services.transform.render.stop import Stop

_ABI = 0x0210
"""The version of the interface, as in webp/encode.h. Those with the same first byte are compatible."""
_DEFAULT = 0
"""The preset of which all settings are the usual ones."""
_MOMENT = 1_000_000
"""Pixels of a picture that takes only a moment, 90 ms at most. A larger one can be stopped. Each look at the stop needs
the interpreter's lock."""

_Hook = ctypes.CFUNCTYPE(c_int, c_int, c_void_p)


class _Config(Structure):
    # All but these three keep the values of the preset.
    _fields_ = (
        ("lossless", c_int),
        ("quality", c_float),
        ("method", c_int),
        ("others", c_int * 26),
    )


class _Picture(Structure):
    _fields_ = (
        ("use_argb", c_int),
        ("colorspace", c_int),
        ("width", c_int),
        ("height", c_int),
        ("planes", c_void_p * 3),
        ("strides", c_int * 2),
        ("alpha", c_void_p),
        ("alpha_stride", c_int),
        ("unused_1", c_uint32 * 2),
        ("argb", c_void_p),
        ("argb_stride", c_int),
        ("unused_2", c_uint32 * 3),
        ("writer", c_void_p),
        ("custom_ptr", c_void_p),
        ("extra_info_type", c_int),
        ("extra_info", c_void_p),
        ("stats", c_void_p),
        ("error_code", c_int),
        ("progress_hook", _Hook),
        ("user_data", c_void_p),
        ("unused_3", c_uint32 * 3),
        ("unused_4", c_void_p * 2),
        ("unused_5", c_uint32 * 8),
        ("memory", c_void_p * 2),
        ("unused_6", c_void_p * 2),
    )


class _Writer(Structure):
    _fields_ = (("memory", c_void_p), ("size", c_size_t), ("room", c_size_t), ("unused", c_uint32))


def _function(name: str, *arguments: Any) -> Any:
    function = _LIBRARY[name]
    function.argtypes = arguments
    return function


# Symbols of the libraries that Pillow's module needs are found by way of the module.
_LIBRARY = ctypes.CDLL(_webp.__file__)
_init_config = _function("WebPConfigInitInternal", POINTER(_Config), c_int, c_float, c_int)
_init_picture = _function("WebPPictureInitInternal", POINTER(_Picture), c_int)
_init_writer = _function("WebPMemoryWriterInit", POINTER(_Writer))
_import = _function("WebPPictureImportRGB", POINTER(_Picture), c_void_p, c_int)
_encode = _function("WebPEncode", POINTER(_Config), POINTER(_Picture))
_free_picture = _function("WebPPictureFree", POINTER(_Picture))
_free_writer = _function("WebPMemoryWriterClear", POINTER(_Writer))
_WRITE = ctypes.cast(_LIBRARY.WebPMemoryWrite, c_void_p)


def encode(pixels: Any, width: int, height: int, quality: int, effort: int, stop: Stop) -> bytes:
    """Return the WebP of 8-bit sRGB pixels without transparency, without metadata; `stop` ends it.

    `pixels` are red, green and blue, line by line: bytes, or a writable buffer. Raises `libvips.Error` if they are not
    encoded.
    """
    if len(pixels) != 3 * width * height:
        raise ValueError(f"{len(pixels)} bytes are not the pixels of {width}x{height}")
    config, picture, writer = _Config(), _Picture(), _Writer()
    if not (_init_config(byref(config), _DEFAULT, quality, _ABI) and _init_picture(byref(picture), _ABI)):
        raise Error("WebP", f"libwebp does not have the interface {_ABI:#06x}")
    config.method = effort
    picture.width, picture.height = width, height
    if width * height > _MOMENT:
        picture.progress_hook = _Hook(lambda *_: not stop.is_pulled)
    _init_writer(byref(writer))
    picture.writer, picture.custom_ptr = _WRITE, ctypes.addressof(writer)
    try:
        first = pixels if isinstance(pixels, bytes) else ctypes.addressof(c_char.from_buffer(pixels))
        if not (_import(byref(picture), first, 3 * width) and _encode(byref(config), byref(picture))):
            # Without a detail of its own, it would be what libvips has said last, of any picture.
            raise Error("WebP", f"libwebp: error {picture.error_code}")
        return ctypes.string_at(writer.memory, writer.size)
    finally:
        _free_picture(byref(picture))
        _free_writer(byref(writer))
