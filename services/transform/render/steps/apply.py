"""Apply: the effects of the plan, in their order, on each frame by itself."""

from collections.abc import Sequence

from services.transform.render.libvips import Image, in_memory, joined
from services.transform.render.stages import Order, Picture
from services.transform.render.steps.effect import Effect


def apply(picture: Picture, order: Order) -> Picture:
    """Apply the plan's effects. It comes after the cut: effects are measured in pixels of the result."""
    effects, frames = order.plan.effects, picture.frames
    if not effects:
        return picture
    image = in_memory(picture.image, order.stop)
    if frames == 1:
        return picture.showing(_changed(image, effects))
    height = image.height // frames
    parts = [image.crop(0, at * height, image.width, height) for at in range(frames)]
    return picture.showing(joined([_changed(part, effects) for part in parts]))


def _changed(frame: Image, effects: Sequence[Effect]) -> Image:
    changed = frame.premultiply() if frame.hasalpha() else frame
    for effect in effects:
        changed = effect.apply(changed)
    if frame.hasalpha():
        changed = changed.unpremultiply()
    return changed.cast(frame.format).copy(interpretation=frame.interpretation)
