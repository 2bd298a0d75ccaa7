"""The arguments of an address, in the order of the canonical address.

This table is the grammar. From it come what the services read (`form.py`), the canonical address and what is signed,
what nginx makes its cache keys with, and the tables in the docs; `make grammar` writes the last two. Whoever adds an
operation adds a line here.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.core.addresses.spellings import Decimal, Number, OneOf, Point, Spelling

DENSITIES = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0}
"""The words of `dpr`. Few, as each of them makes another form. 1.5 is what many screens have besides the whole ones."""
ACCEPTED = {"avif": "avif", "plain": "plain"}
"""The words of `accept`: what the gateway makes of an Accept header that does not lead to a WebP."""


class Need(Enum):
    """What an argument needs to have an effect."""

    NOTHING = auto()
    SIDE = auto()
    """A width or a height. A preset may stand for one."""
    BOX = auto()
    """A width and a height."""
    CUT = auto()
    """Both, and that the box is filled and cut."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: how it is called and written, which field of a form has its value, and when it has an effect."""

    name: str
    spelling: Spelling
    does: str
    """For docs."""
    field: str = ""
    """Of `Form` (form.py). An effect has none: what is done to the result is one field, in the order of this table."""
    needs: Need = Need.NOTHING
    """Of one that has a field: an effect needs nothing."""
    usual: str = ""
    """The word that has no effect when a picture is made anyhow."""
    on_full_alone: bool = False
    """On `optimise` the path says it."""
    beside_preset: bool = False
    """Whether it counts when a preset is asked for."""
    few: tuple[Any, ...] | None = None
    """The values that are served where sizes are listed; None for all, of which there are few."""

    @property
    def default(self) -> Any:
        """The same as none."""
        return self.spelling.default

    @property
    def is_effect(self) -> bool:
        """Whether it is something that is done to the result. A class of transform has the name of the argument."""
        return not self.field

    @property
    def is_picture(self) -> bool:
        """Whether it makes a picture of what is delivered as stored otherwise."""
        return self.is_effect or bool(self.usual)

    def value(self, form: Any) -> Any:
        """Return what a form has of this argument, the default when it has nothing."""
        if self.field:
            return getattr(form, self.field)
        return next((value for name, value in form.effects if name == self.name), self.default)


WIDTH, HEIGHT = (
    Argument(name, Number("SIDE_MAX"), f"the largest {name} of the result, in pixels", name, on_full_alone=True)
    for name in ("width", "height")
)
_FORMATS = {"webp": "webp", "avif": "avif", "jpeg": "jpeg", "jpg": "jpeg", "png": "png"}
_FITS = {"cover": "cover", "contain": "contain", "fill": "fill"}

ARGUMENTS: tuple[Argument, ...] = (
    WIDTH,
    HEIGHT,
    Argument(
        "quality",
        Number(100),
        "of the encoder, on the scale of WebP whatever the format",
        "quality",
        few=(50, 60, 70, 75, 80, 85, 90),
    ),
    Argument(
        "format",
        OneOf(_FORMATS, hidden=("jpg",)),
        "instead of WebP. An AVIF over `AVIF_PIXELS_MAX` is a WebP; `Content-Type` says which",
        "format",
        usual="webp",
    ),
    Argument(
        "fit",
        OneOf(_FITS, "cover"),
        "with both sides: fill the box and cut; the whole picture inside the box; stretch it to the box",
        "fit",
        needs=Need.BOX,
    ),
    Argument(
        "crop",
        Point(),
        "where `cover` cuts: what people look at, or around a point (`0,0` is the upper left). Without it: around the "
        "asset's [focal point](#a-focal-point), or in the middle",
        "focus",
        needs=Need.CUT,
        few=("smart",),
    ),
    Argument(
        "dpr",
        OneOf(DENSITIES, 1.0),
        "pixels for each of the sides', as far as `SIDE_MAX` allows",
        "dpr",
        needs=Need.SIDE,
        beside_preset=True,
    ),
    Argument(
        "max_kb",
        Number(100_000, unit=1024),
        "lowers the quality until the answer has no more kilobytes (of 1024 bytes), as far as that goes",
        "max_bytes",
        few=(),
    ),
    Argument(
        "blur",
        Decimal(0.3, 100),
        "blurs the result: the sigma of a Gaussian blur, in pixels of the result. It makes a picture",
        few=(),
    ),
)
PRESET = "preset"
"""A name for a size with arguments. It comes before all of them; on `optimise` the path says it."""
ACCEPT = Argument(
    "accept",
    OneOf(ACCEPTED, "webp"),
    "what the gateway makes of a client's Accept header, at the end of the key. It is not signed",
    "accepted",
)
"""No client can send it through the gateway."""
