"""Pixels in memory, scaled by the crate fast_image_resize: what libvips does, in less than two thirds of the time.

It is for what `jpeg.decode` returns, so a megapixel at most. It holds the interpreter's lock, a millisecond or two.
Its wheels are for some platforms only (pyproject.toml). On others libvips scales, and a few levels differ.
"""

from dataclasses import replace

from services.transform.render.jpeg import Pixels

try:
    from cykooz_resizer import CropBox, FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer
except ImportError:
    IS_HERE = False
else:
    IS_HERE = True


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return a picture with these sides, which are not larger than its own; the same one where that cannot be done."""
    if not IS_HERE or (pixels.width, pixels.height) == (width, height):
        return pixels
    source = ImageData(pixels.stride, pixels.rows, PixelType.U8x3, pixels.content)
    result = ImageData(width, height, PixelType.U8x3)
    box = CropBox(0, 0, pixels.width, pixels.height)
    Resizer().resize(source, result, ResizeOptions(ResizeAlg.convolution(FilterType.lanczos3), crop_box=box))
    return replace(pixels, content=result.get_buffer(), width=width, height=height, stride=width, rows=height)
