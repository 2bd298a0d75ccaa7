"""Turn: upright, however the camera was held."""

from dataclasses import replace

from services.transform.render.libvips import in_memory, set_field
from services.transform.render.stages import Order, Picture


def turn(picture: Picture, order: Order) -> Picture:
    """Turn a picture as its orientation says. It comes after scaling: there are fewer pixels to turn."""
    if picture.orientation == 1:
        return picture
    # The pixels are made by a step that can be stopped: turning while they are decoded cannot.
    image = in_memory(picture.image, order.stop)
    set_field(image, "orientation", picture.orientation)
    return replace(picture.showing(image.autorot()), orientation=1)
