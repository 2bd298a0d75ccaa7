"""What a public URL asks for. Pure: `parse` and `Asked.path` are inverse."""

import re
from dataclasses import dataclass
from typing import Literal

from services.core import names
from services.core.errors import BadRequest, NotFound

Kind = Literal["original", "full", "optimise"]

BASE = "/assets/media"
_PATH = re.compile(rf"{BASE}/(?:(original|full)|optimise/([^/]+))(?:/image)?(/.+)")
_BOX = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")
_NUMBER = re.compile(r"[0-9]{1,9}")
QUALITY_MAX = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One form of one asset. A side of 0 pixels is free; a quality of 0 leaves the choice to the renderer."""

    kind: Kind
    name: str
    width: int = 0
    height: int = 0
    quality: int = 0

    def path(self, name: str) -> str:
        """Return the path of the same form of the asset `name`, below the route of the assets, without the query."""
        box = f"/{self.width}x{self.height}" if self.kind == "optimise" else ""
        return f"/{self.kind}{box}{name}"


def parse(path: str, query: str, side_max: int) -> Asked:
    """Read a path and a query string; raises BadRequest for a size that cannot be, NotFound for no path of an asset."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise NotFound(f"Nothing is at {path}.", f"Assets are below {BASE}/original, /full and /optimise/{{W}}x{{H}}.")
    plain, box, name = match.groups()
    # The optional group may have taken a namespace's place: /full/image is no asset, and no namespace is called so.
    if plain == "original":
        return Asked("original", _checked(name))
    given = _arguments(query)
    quality = _number("quality", given.get("quality", ""), QUALITY_MAX)
    if box is None:
        width, height = (_number(side, given.get(side, ""), side_max) for side in ("width", "height"))
        return Asked("full", _checked(name), width, height, quality)
    sides = _BOX.fullmatch(box)
    if sides is None:
        raise BadRequest(f"{box!r} is not a size.", "Ask for optimise/{width}x{height}, such as 200x0; 0 is free.")
    width, height = (
        _number(side, text, side_max) for side, text in zip(("width", "height"), sides.groups(), strict=True)
    )
    return Asked("optimise", _checked(name), width, height, quality)


def _arguments(query: str) -> dict[str, str]:
    """Return the query arguments as they are written, the first of each name.

    Nothing is decoded: the gateway makes its cache keys of the same text, and "%32" must not mean what "2" means.
    """
    given: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        given.setdefault(key.lower(), value)
    return given


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
