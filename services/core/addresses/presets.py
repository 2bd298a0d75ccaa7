"""Names for what is often asked for, and what may be asked for at all. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.core.addresses.arguments import ARGUMENTS
from services.core.addresses.form import BASE, Form, canonical, parse
from services.core.errors import BadRequest

NAME_PATTERN = "[a-z][a-z0-9-]{0,31}"
_NAME = re.compile(rf"(?!image$){NAME_PATTERN}")
_ALLOWED = tuple(argument.name for argument in ARGUMENTS if not argument.on_full_alone)
_SIZE = re.compile(r"(0|[1-9][0-9]*)x(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which forms there are: everything, unless there is a list of sizes, or only presets are served."""

    presets: Mapping[str, str]
    only_presets: bool = False
    sizes: tuple[str, ...] = ()

    def check(self, form: Form) -> None:
        """Raise BadRequest for a form that is not served. The original and the whole picture always are."""
        if form.preset:
            return
        if self.only_presets and not _is_whole(form):
            raise BadRequest("Only presets are served here.", f"Ask for one of {', '.join(self.presets)}.")
        size = f"{form.width}x{form.height}"
        if self.sizes and size not in ("0x0", *self.sizes):
            raise BadRequest(f"The size {size} is not served here.", f"Ask for one of {', '.join(self.sizes)}.")
        if self.sizes:
            _check_few(form)


def _is_whole(form: Form) -> bool:
    return form == Form(form.kind, form.name, dpr=form.dpr, accepted=form.accepted)


def _check_few(form: Form) -> None:
    """Raise BadRequest for an argument that would make many forms of each size."""
    for argument in ARGUMENTS:
        value = argument.value(form)
        if argument.few is None or value == argument.default or value in argument.few:
            continue
        name, values = argument.name, ", ".join(map(str, argument.few))
        if not values:
            raise BadRequest(f"{name} is served here only as a part of a preset.", f"Leave {name} out.")
        raise BadRequest(
            f"{name}={argument.spelling.write(value)} is not served here.",
            f"Leave {name} out, or ask for one of {values}. Presets can have other values.",
        )


def resolve(form: Form, presets: Mapping[str, str], side_max: int) -> Form:
    """Return what is to be made for a form: with what its preset stands for, and no more density than there is room.

    The density that was asked for goes before that of the preset.
    """
    if form.preset:
        box, _, query = presets[form.preset].partition("?")
        own = f"{canonical(form).partition('?')[2]}&{query}"
        meant = parse(f"{BASE}/optimise/{box}{form.name}", own, side_max)
        form = replace(meant, kind=form.kind, preset=form.preset)
    longest = max(form.width, form.height, 1)
    return form if form.dpr * longest <= side_max else replace(form, dpr=side_max / longest)


def read(text: str) -> dict[str, str]:
    """Read `thumb:200x200?fit=contain&quality=70; hero:1600x0` as names with what they stand for; raises ValueError."""
    presets = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        name, _, form = (part.strip() for part in item.partition(":"))
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r}: a preset's name has small letters, digits and '-', 32 at most, and is not 'image'"
            )
        if name in presets:
            raise ValueError(f"{name!r} is there twice")
        presets[name] = form
    return presets


def check_presets(presets: Mapping[str, str], side_max: int) -> None:
    """Raise ValueError for a preset that stands for nothing that can be asked for."""
    for name, form in presets.items():
        box, _, query = form.partition("?")
        check_size(box)
        unknown = [key for key in (part.partition("=")[0] for part in query.split("&") if part) if key not in _ALLOWED]
        if unknown:
            raise ValueError(f"{name}: there is no argument {unknown[0]!r}; expected some of {', '.join(_ALLOWED)}")
        try:
            parse(f"{BASE}/optimise/{box}/DEV/x.webp", query, side_max)
        except BadRequest as error:
            raise ValueError(f"{name}: {error.message} {error.hint}") from None


def check_size(size: str) -> None:
    """Raise ValueError for what is not a size, or one in an unusual spelling."""
    if not _SIZE.fullmatch(size):
        raise ValueError(f"{size!r} is not a size; expected one such as 200x0")
