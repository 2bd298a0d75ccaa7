"""Scale: to the exact size of the box."""

from services.core.assets.orientation import turned
from services.transform.render.stages import Order, Picture


def scale(picture: Picture, order: Order) -> Picture:
    """Scale a picture that is not yet turned, unless loading has scaled it already."""
    image = picture.image
    width, height = turned(picture.box.width, picture.box.height, picture.orientation)
    if (image.width, image.height) == (width, height * picture.frames):
        return picture
    return picture.showing(image.resize(width / image.width, vscale=height * picture.frames / image.height))
