"""What a step of a render is given in a test."""

from services.transform.render.geometry import Box
from services.transform.render.guard import Limits
from services.transform.render.libvips import Image
from services.transform.render.plan import Plan
from services.transform.render.stages import Order, Picture
from services.transform.render.stop import Stop


def order(plan: Plan | None = None, stop: Stop | None = None, limits: Limits | None = None) -> Order:
    return Order(plan or Plan(), limits or Limits(), stop or Stop())


def gradient(width: int, height: int, *, alpha: int | None = None) -> Image:
    """Return 8-bit sRGB whose red is the column and whose green is the row of a pixel, up to 255."""
    grid = Image.xyz(width, height)
    image = grid.bandjoin(Image.black(width, height)).cast("uchar").copy(interpretation="srgb")
    return image if alpha is None else image.bandjoin(alpha).copy(interpretation="srgb")


def picture(image: Image, box: Box | None = None, frames: int = 1, orientation: int = 1) -> Picture:
    """Return a picture; without a box it already has its size."""
    height = image.height // frames
    return Picture(image, box or Box(image.width, height, image.width, height), frames, orientation)


def size(made: Picture) -> tuple[int, int]:
    return made.image.width, made.image.height
