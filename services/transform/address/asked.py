"""What a public URL asks for. Pure: `parse` and `Asked.path` are inverse."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from services.core.assets import names
from services.core.errors import BadRequest, NotFound
from services.transform.render.plan import Fit, Focus, Format

Kind = Literal["original", "full", "optimise"]
Value = TypeVar("Value")

BASE = "/assets/media"
_PATH = re.compile(rf"{BASE}/(?:(original|full)|optimise/([^/]+))(?:/image)?(/.+)")
_BOX = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")
_NUMBER = re.compile(r"[0-9]{1,9}")
ARGUMENTS = ("quality", "format", "fit", "crop", "dpr", "max_kb")
QUALITY_MAX = 100
KB_MAX = 100_000
NO_PRESETS: Mapping[str, str] = {}
_FORMATS: dict[str, Format] = {"webp": "webp", "avif": "avif", "jpeg": "jpeg", "jpg": "jpeg", "png": "png"}
_ACCEPTED: dict[str, Format] = {"avif": "avif", "plain": "plain"}
"""What the gateway makes of a client's Accept header; no client can send it through the gateway."""
_FITS: dict[str, Fit] = {"cover": "cover", "contain": "contain", "fill": "fill"}
_DPRS = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0}
"""Few, as each of them makes another form. 1.5 is what many screens have besides the whole ones."""
_SHARE = r"[01](?:\.[0-9]{1,2})?"
_POINT = re.compile(rf"({_SHARE})(?:,|%2[Cc])({_SHARE})")


@dataclass(frozen=True, slots=True)
class Asked:
    """One form of one asset. A side of 0 is free; a quality, a format and a budget that are not given are 0 or None.

    Sides are as they are asked for: an answer has `dpr` pixels for each of theirs, and `parse` lets it be no more than
    the largest side allows.
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
    """The name that stands for all of this but the density and what is accepted."""

    def path(self, name: str) -> str:
        """Return the path of the same form of the asset `name`, below the route of the assets, without the query."""
        box = self.preset or f"{self.width}x{self.height}"
        return f"/{self.kind}/{box}{name}" if self.kind == "optimise" else f"/{self.kind}{name}"


def parse(path: str, query: str, side_max: int, presets: Mapping[str, str] = NO_PRESETS) -> Asked:
    """Read a path and a query string.

    Raises BadRequest for a size or an argument that cannot be, NotFound for no path of an asset.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise NotFound(f"Nothing is at {path}.", f"Assets are below {BASE}/original, /full and /optimise/{{W}}x{{H}}.")
    plain, box, name = match.groups()
    # The optional group may have taken a namespace's place: /full/image is no asset, and no namespace is called so.
    if plain == "original":
        return Asked("original", _checked(name))
    given = _arguments(query)
    kind: Kind = "full" if box is None else "optimise"
    preset = given.get("preset", "") if box is None else "" if _BOX.fullmatch(box) else box
    if preset:
        given, box = _of_preset(preset, given, presets)
    sides = (given.get("width", ""), given.get("height", ""))
    if box is not None:
        left, _, right = box.partition("x")
        sides = (left, right)
    width, height = (_number(what, text, side_max) for what, text in zip(("width", "height"), sides, strict=True))
    return Asked(
        kind,
        _checked(name),
        width,
        height,
        quality=_number("quality", given.get("quality", ""), QUALITY_MAX),
        format=_one_of("format", given.get("format", ""), _FORMATS, None),
        fit=_one_of("fit", given.get("fit", ""), _FITS, "cover"),
        focus=_focus(given.get("crop", "")),
        dpr=min(_one_of("dpr", given.get("dpr", ""), _DPRS, 1.0), side_max / max(width, height, 1)),
        max_bytes=_number("max_kb", given.get("max_kb", ""), KB_MAX) * 1024,
        accepted=_one_of("accept", given.get("accept", ""), _ACCEPTED, "webp"),
        preset=preset,
    )


def _arguments(query: str) -> dict[str, str]:
    """Return the query arguments as they are written, the first of each name.

    Nothing is decoded: the gateway makes its cache keys of the same text, and "%32" must not mean what "2" means.
    """
    given: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        given.setdefault(key.lower(), value)
    return given


def _of_preset(name: str, given: dict[str, str], presets: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the arguments and the size that a preset stands for; of a client's own only the density counts."""
    if name not in presets:
        known = f" or a preset: {', '.join(presets)}" if presets else ""
        raise BadRequest(
            f"{name!r} is no size and no preset.", f"Ask for {{width}}x{{height}}, such as 200x0; 0 is free{known}."
        )
    box, _, query = presets[name].partition("?")
    own = {key: value for key, value in given.items() if key in ("dpr", "accept") and value}
    return {**_arguments(query), **own}, box


def _checked(name: str) -> str:
    if not names.is_unique_name(name):
        raise NotFound(f"No asset can be called {name}.", "Names are /{namespace}/{folders}/{file}.{extension}.")
    return name


def _number(what: str, text: str, largest: int) -> int:
    if not text:
        return 0
    if not _NUMBER.fullmatch(text) or int(text) > largest:
        raise BadRequest(f"{what} {text!r} is not possible.", f"Send an integer from 0 to {largest}.")
    return int(text)


def _one_of(what: str, text: str, known: Mapping[str, Value], default: Value) -> Value:
    if not text:
        return default
    if text not in known:
        raise BadRequest(f"{what} {text!r} is not possible.", f"Send one of {', '.join(known)}.")
    return known[text]


def _focus(text: str) -> Focus | Literal["smart"] | None:
    if text in ("", "smart"):
        return "smart" if text else None
    match = _POINT.fullmatch(text)
    if match is None or max(float(match[1]), float(match[2])) > 1:
        raise BadRequest(
            f"crop {text!r} is not possible.",
            "Send smart, or a point such as 0.25,0.5: shares of the width and the height, from 0 to 1 in hundredths.",
        )
    return Focus(float(match[1]), float(match[2]))
