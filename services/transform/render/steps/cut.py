"""Cut: what stands out of the box is cut off, from every frame alike."""

from services.transform.render.geometry import Box
from services.transform.render.libvips import Image, in_memory, joined
from services.transform.render.stages import Order, Picture


def cut(picture: Picture, order: Order) -> Picture:
    """Cut a picture around the plan's focus; a smart cut of an animation is where its first frame has it."""
    box, frames = picture.box, picture.frames
    if not box.cuts:
        return picture
    smart = order.plan.focus == "smart"
    image = in_memory(picture.image, order.stop) if smart or frames > 1 else picture.image
    left, top = _smart(image, box) if smart else (box.left, box.top)
    parts = [image.crop(left, top + at * box.height, box.crop_width, box.crop_height) for at in range(frames)]
    return picture.showing(parts[0] if frames == 1 else joined(parts))


def _smart(image: Image, box: Box) -> tuple[int, int]:
    """Return the left upper corner of the part that people look at."""
    first = image.crop(0, 0, box.width, box.height)
    chosen = first.smartcrop(box.crop_width, box.crop_height, interesting="attention")
    return -chosen.xoffset, -chosen.yoffset
