"""What a public address asks for. Pure: `parse` and `canonical` are inverse."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from services.core.addresses.arguments import (
    ACCEPT,
    ARGUMENTS,
    HEIGHT,
    PRESET,
    WIDTH,
    Argument,
    Need,
)
from services.core.addresses.values import Fit, Focus, Format
from services.core.assets import media_types, names
from services.core.errors import BadRequest, NotFound

Kind = Literal["original", "full", "optimise"]

BASE = "/assets/media"
_PATH = re.compile(rf"{BASE}/(?:(original|full)|optimise/([^/]+))(?:/image)?(/.+)")
_BOX = re.compile(r"([0-9]+)x([0-9]+)")
STORED_EXTENSIONS = tuple(ext for kind in media_types.KNOWN.values() if not kind.raster for ext in kind.extensions)
"""Of what is delivered as stored unless `optimise` makes a picture of it."""

_BESIDE_PRESET = tuple(argument for argument in ARGUMENTS if argument.beside_preset)
_PICTURES = (WIDTH, HEIGHT, *(argument for argument in ARGUMENTS if argument.is_picture))


@dataclass(frozen=True, slots=True)
class Form:
    """One form of one asset, as `parse` makes it: an argument that has no effect has its default.

    A side of 0 is free; a quality, a format and a budget that are not given are 0 or None. Sides are as they are asked
    for: an answer has `dpr` pixels for each of theirs.
    """

    kind: Kind
    name: str
    width: int = 0
    height: int = 0
    quality: int = 0
    format: Format | None = None
    fit: Fit = "cover"
    focus: Focus | Literal["smart"] | None = None
    dpr: float = 1.0
    max_bytes: int = 0
    accepted: Format = "webp"
    """What is made when no format is asked for."""
    preset: str = ""
    """A name that stands for everything else but the density and what is accepted; see `presets.resolve`."""
    effects: tuple[tuple[str, Any], ...] = ()
    """What is done to the result: arguments with their values, in the order of the arguments."""

    def path(self, name: str) -> str:
        """Return the path of the same form of the asset `name`, below the route of the assets, without the query."""
        box = self.preset or f"{self.width}x{self.height}"
        return f"/{self.kind}/{box}{name}" if self.kind == "optimise" else f"/{self.kind}{name}"

    @property
    def is_picture(self) -> bool:
        """Say whether a picture is asked for, also of what is delivered as stored otherwise."""
        return self.has(Need.SIDE) or self.format is not None or bool(self.effects)

    def has(self, need: Need) -> bool:
        match need:
            case Need.SIDE:
                return bool(self.width or self.height)
            case Need.BOX:
                return bool(self.width and self.height)
            case Need.CUT:
                return bool(self.width and self.height) and self.fit == "cover"
        return True


def parse(path: str, query: str, side_max: int, presets: Collection[str] = ()) -> Form:
    """Read a path and a query string.

    Raises BadRequest for a size, a preset or an argument that is not possible, NotFound for a path that is not one of
    an asset.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise NotFound(f"Nothing is at {path}.", f"Assets are below {BASE}/original, /full and /optimise/{{W}}x{{H}}.")
    plain, box, name = match.groups()
    # The optional group may have taken a namespace's place, and no namespace is called "image".
    if not names.is_unique_name(name) or name.startswith("/image/"):
        raise NotFound(f"No asset can be called {name}.", "Names are /{namespace}/{folders}/{file}.{extension}.")
    kind: Kind = "optimise" if box is not None else "full" if plain == "full" else "original"
    if _is_always_as_stored(kind, name):
        return Form(kind, name)
    given = arguments_of(query)
    sides = _BOX.fullmatch(box) if box is not None else None
    preset = given.get(PRESET, "") if box is None else "" if sides else box
    if preset:
        _check_preset(preset, presets)
        return _read(kind, name, given, side_max, _BESIDE_PRESET, preset)
    if sides:
        given |= {WIDTH.name: sides[1], HEIGHT.name: sides[2]}
    if _is_stored_type(name) and not _read(kind, name, given, side_max, _PICTURES).is_picture:
        # What has no effect is not looked at.
        return Form(kind, name)
    return _read(kind, name, given, side_max, ARGUMENTS)


def canonical(form: Form) -> str:
    """Return the canonical address of a form: the same for every address that has the same answer."""
    query = "&".join(f"{name}={value}" for name, value in _written(form))
    return f"{BASE}{form.path(form.name)}{'?' if query else ''}{query}"


def signed(form: Form) -> str:
    """Return what is signed of a form: its canonical address without what a client accepts."""
    return canonical(replace(form, accepted="webp"))


def _written(form: Form) -> Iterator[tuple[str, str]]:
    if form.preset and form.kind == "full":
        yield PRESET, form.preset
    for argument in (*ARGUMENTS, ACCEPT):
        value = argument.value(form)
        if value != argument.default and not (argument.on_full_alone and form.kind == "optimise"):
            yield argument.name, argument.spelling.write(value)


def _read(
    kind: Kind, name: str, given: dict[str, str], side_max: int, arguments: Iterable[Argument], preset: str = ""
) -> Form:
    """Return a form with the values of some arguments, as far as they have an effect."""
    fields: dict[str, Any] = {}
    effects = []
    for argument in (*arguments, ACCEPT):
        text = given.get(argument.name)
        value = argument.spelling.read(argument.name, text, side_max) if text else argument.default
        if value == argument.default:
            continue
        if argument.field:
            fields[argument.field] = value
        else:
            effects.append((argument.name, value))
    return effective(Form(kind, name, preset=preset, effects=tuple(effects), **fields))


def effective(form: Form) -> Form:
    """Return a form in which each argument that has no effect has its default."""
    bare = Form(form.kind, form.name)
    if _is_always_as_stored(form.kind, form.name):
        return bare
    if form.preset:
        beside = {each.field: each.value(form) for each in (*_BESIDE_PRESET, ACCEPT)}
        return replace(bare, **beside, preset=form.preset)
    if _is_stored_type(form.name) and not form.is_picture:
        return bare
    given = (each for each in (*ARGUMENTS, ACCEPT) if each.field and each.value(form) != each.default)
    idle = {each.field: each.default for each in given if not _has_effect(each, form)}
    return replace(form, **idle) if idle else form


def _has_effect(argument: Argument, form: Form) -> bool:
    if argument is ACCEPT:
        return _is_negotiated(form)
    if argument.usual and argument.value(form) == argument.usual:
        return not replace(form, **{argument.field: argument.default}).is_picture
    return form.has(argument.needs)


def _is_negotiated(form: Form) -> bool:
    """Say whether the format follows from what a client accepts: none is asked for, and a picture is made."""
    return form.format is None and (form.is_picture or _extension(form.name) == "webp")


def _is_always_as_stored(kind: Kind, name: str) -> bool:
    """Say whether the stored bytes are delivered whatever the arguments are."""
    return kind == "original" or (kind == "full" and _is_stored_type(name))


def _is_stored_type(name: str) -> bool:
    return _extension(name) in STORED_EXTENSIONS


def _extension(name: str) -> str:
    return name.rpartition(".")[2]


def arguments_of(query: str) -> dict[str, str]:
    """Return the query arguments as they are written, the first of each name.

    Nothing is decoded: the gateway makes its cache keys of the same text, and "%32" must not mean what "2" means.
    """
    given: dict[str, str] = {}
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        if equals:
            given.setdefault(key.lower(), value)
    return given


def _check_preset(name: str, presets: Collection[str]) -> None:
    if name not in presets:
        known = f", or for a preset: {', '.join(presets)}" if presets else ""
        raise BadRequest(
            f"{name!r} is neither a size nor a preset.",
            f"Ask for {{width}}x{{height}}, such as 200x0, where a side of 0 is free{known}.",
        )
