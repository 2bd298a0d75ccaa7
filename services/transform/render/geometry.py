"""Sizes in pixels. Pure."""

from dataclasses import dataclass

from services.core.addresses.values import Focus
from services.transform.render.plan import Plan


@dataclass(frozen=True, slots=True)
class Box:
    """Scale to `width`×`height`, then cut `crop_width`×`crop_height` out, `left` and `top` from its corner."""

    width: int
    height: int
    crop_width: int
    crop_height: int
    left: int = 0
    top: int = 0

    @property
    def cuts(self) -> bool:
        return (self.crop_width, self.crop_height) != (self.width, self.height)


def fit(source_width: int, source_height: int, plan: Plan, side_max: int, *, enlarge: bool = False) -> Box:
    """Return how a source meets a plan's sides without ever growing; `enlarge` is for what has no pixels of its own.

    `cover` makes the scaled image cover the box and cuts what stands out; where the source is smaller than the box, the
    result has the source's size on that side (as sharp's and libvips' cover without enlargement). No side of a result
    is larger than `side_max`: what would be is scaled down as a whole.
    """
    wanted_x = plan.width / source_width if plan.width else 0.0
    wanted_y = plan.height / source_height if plan.height else 0.0
    largest = float("inf") if enlarge else 1.0
    if plan.fit == "fill" and plan.width and plan.height:
        scale_x, scale_y = min(wanted_x, largest), min(wanted_y, largest)
    else:
        chosen = min if plan.fit == "contain" and plan.width and plan.height else max
        scale_x = scale_y = min(chosen(wanted_x, wanted_y) or 1.0, largest)
    found = _at(scale_x, scale_y, source_width, source_height, plan)
    side = max(found.crop_width, found.crop_height)
    if side > side_max:
        shrink = side_max / side
        found = _at(scale_x * shrink, scale_y * shrink, source_width, source_height, plan)
    return found


def _at(scale_x: float, scale_y: float, source_width: int, source_height: int, plan: Plan) -> Box:
    width, height = max(1, round(source_width * scale_x)), max(1, round(source_height * scale_y))
    crop_width, crop_height = min(plan.width or width, width), min(plan.height or height, height)
    focus = plan.focus if isinstance(plan.focus, Focus) else Focus(0.5, 0.5)
    return Box(
        width,
        height,
        crop_width,
        crop_height,
        left=_start(width, crop_width, focus.x),
        top=_start(height, crop_height, focus.y),
    )


def _start(side: int, crop: int, focus: float) -> int:
    """Return where a cut begins that has the focus in its middle, or as near to it as the edges allow."""
    return min(max(0, int(side * focus - crop / 2)), side - crop)


def jpeg_shrink(factor: float, *, reduced: bool = False) -> int:
    """Return by how much a JPEG that is to become smaller by `factor` is made smaller while it is decoded.

    The decoder's way to 1/4 and 1/8 is coarse: as in libvips' thumbnail, half of the way at least is left to a good
    filter. To 1/2 it is fine: a photograph that is 0.8 times as large in the end has 0.001 less SSIM, in 2 % fewer
    bytes, for two thirds of the time (docs/performance.md).
    A reduction (`reduced`) has been made smaller so once: twice, both near the result, would cost 1.4 points of
    SSIMULACRA2.
    """
    fine = 4.0 if reduced else 2.5
    return next((shrink for least, shrink in ((16, 8), (8, 4), (fine, 2)) if factor >= least), 1)


def quality_for(width: int, height: int) -> int:
    """Return the WebP quality for an output of this size: small pictures bear more compression."""
    side = max(width, height)
    return 75 if side <= 200 else 80 if side <= 800 else 85
