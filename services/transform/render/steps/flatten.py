"""Flatten: what is transparent is shown on white, where the result is a JPEG."""

from services.transform.render.libvips import in_memory
from services.transform.render.stages import Order, Picture

_WHITE = [255, 255, 255]


def flatten(picture: Picture, order: Order) -> Picture:
    """Take the transparency away for `jpeg`, and for `plain` when nothing is transparent (it is a PNG otherwise)."""
    wanted = order.plan.format
    if wanted not in ("jpeg", "plain") or not picture.image.hasalpha():
        return picture
    if wanted == "plain":
        # The pixels are looked at, and encoded after that.
        picture = picture.showing(in_memory(picture.image, order.stop))
        alpha = picture.image[picture.image.bands - 1]
        if alpha.min() < 255:
            return picture
    return picture.showing(picture.image.flatten(background=_WHITE))
