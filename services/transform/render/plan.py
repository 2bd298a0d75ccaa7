"""What is to be made of a stored image. Pure data: two equal plans give the same bytes from the same source."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal

from services.core.addresses.values import Fit, Focus, Format
from services.core.assets.reductions import Part
from services.transform.render.steps.effect import Effect


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that changes the bytes of a rendition, apart from its source and the renderer's REVISION.

    Sides are in pixels and 0 is free; nothing is ever enlarged. A quality of 0 follows the size of the result. `focus`
    is for `cover`: None cuts the middle out, "smart" what people look at. With `max_bytes` the quality is lowered until
    the result is no larger, as far as that goes; 0 is no budget. `effects` are applied to the result one after the
    other. `reduced` says that the source is a reduction (`core/assets/reductions.py`), and which of its pictures is
    taken. That is not made smaller while it is decoded, if it costs quality.
    """

    width: int = 0
    height: int = 0
    quality: int = 0
    format: Format = "webp"
    fit: Fit = "cover"
    focus: Focus | Literal["smart"] | None = None
    max_bytes: int = 0
    effects: tuple[Effect, ...] = ()
    reduced: Part | None = None

    @property
    def may_be_source(self) -> bool:
        """Say whether a source that already has the planned size, cut and format shows all that is planned.

        It does not when any other field is set, whatever the field is.
        """
        return all(
            getattr(self, field.name) == field.default for field in fields(self) if field.name not in _SEEN_IN_A_SOURCE
        )


_SEEN_IN_A_SOURCE = frozenset({"width", "height", "fit", "focus", "format"})
_ALWAYS_IN_TAG = frozenset({"width", "height", "quality"})


@lru_cache(maxsize=1024)
def tag(plan: Plan) -> str:
    """Write a plan as a part of an ETag: two plans have one tag only if they are equal.

    Every field is in it; one that has its default is left out.
    """
    return "".join(
        _written(field.name, getattr(plan, field.name))
        for field in fields(plan)
        if field.name in _ALWAYS_IN_TAG or getattr(plan, field.name) != field.default
    )


def _written(name: str, value: Any) -> str:
    match name:
        case "width" | "format" | "fit":
            return str(value)
        case "height":
            return f"x{value}"
        case "quality":
            return f"q{value}"
        case "focus":
            return f"at{value if value == 'smart' else f'{value.x:g},{value.y:g}'}"
        case "max_bytes":
            return f"max{value}"
        case "reduced":
            return f"reduced{value.start},{value.size},{value.width},{value.height}"
        case "effects":
            return "".join(_effect_written(effect) for effect in value)
    return f"{name}{value}"


def _effect_written(effect: Any) -> str:
    values = ",".join(f"{getattr(effect, field.name):g}" for field in fields(effect))
    return f"{type(effect).__name__.lower()}{values}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render has made: `media_type` is what the bytes are, which need not be the format that was planned."""

    content: bytes
    media_type: str
    width: int
    height: int
