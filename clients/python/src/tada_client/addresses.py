"""The public addresses of assets, and their signatures. Pure.

An address is made in the one spelling that the caches of the service know, without what has no effect. The tables in
clients/vectors, which are made from the grammar of the service, hold this and the service together.
"""

import hashlib
import hmac
import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict, Unpack
from urllib.parse import quote

from tada_client.models import Entry
from tada_client.names import without_extension

BASE = "/assets/media"
"""What a signed form begins with, wherever the assets are."""
WIDTHS = (320, 480, 640, 960, 1280, 1920, 2560)
"""The widths of a picture in a page, unless others are chosen: each is about a third wider than the one before."""

Crop = Literal["smart"] | tuple[float, float]


class Wanted(TypedDict, total=False):
    """What is asked for: docs/delivery.md explains each. `v` is the one in `versioned_url` of an entry.

    `original` is the uploaded file. `download` is True, or a name to save under.
    """

    width: int
    height: int
    quality: int
    format: Literal["webp", "avif", "jpeg", "jpg", "png"]
    fit: Literal["cover", "contain", "fill"]
    crop: Crop
    dpr: float
    max_kb: int
    blur: float
    preset: str
    original: bool
    v: str
    download: bool | str


class AddressRefused(ValueError):
    """What is asked for is not possible. `argument` is at fault, `name` if it is the path."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


# How a value is written: each function returns its one spelling, empty for none, and None for what is not possible.

_Spelling = Callable[[str], str | None]


def _whole(largest: int) -> _Spelling:
    def read(text: str) -> str | None:
        match = re.fullmatch("0*([0-9]{1,9})", text)
        if match is None or int(match[1]) > largest:
            return None
        return "" if int(match[1]) == 0 else str(int(match[1]))

    return read


def _decimal(smallest: float, largest: float) -> _Spelling:
    def read(text: str) -> str | None:
        match = re.fullmatch(r"0*([0-9]{1,9}(?:\.[0-9]{1,2})?)", text)
        value = float(match[1]) if match else -1.0
        if value == 0:
            return ""
        return _short(value) if smallest <= value <= largest else None

    return read


def _word(usual: str, *words: str, **others: str) -> _Spelling:
    known = {usual: "", **dict(zip(words, words, strict=True)), **others}
    return lambda text: known.get(text)


def _point(text: str) -> str | None:
    share = r"(0(?:\.[0-9]{1,2})?|1(?:\.0{1,2})?)"
    match = re.fullmatch(rf"{share}(?:,|%2[Cc]){share}", text)
    return text if text == "smart" else f"{float(match[1]):g},{float(match[2]):g}" if match else None


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class _Argument:
    read: _Spelling
    expected: str
    needs: Literal["", "side", "box", "cut"] = ""


_ANY_SIDE = 999_999_999
_ARGUMENTS: Mapping[str, _Argument] = {
    "width": _Argument(_whole(_ANY_SIDE), "an integer from 1"),
    "height": _Argument(_whole(_ANY_SIDE), "an integer from 1"),
    "quality": _Argument(_whole(100), "an integer from 1 to 100"),
    "format": _Argument(_word("", "webp", "avif", "jpeg", "png", jpg="jpeg"), "webp, avif, jpeg or png"),
    "fit": _Argument(_word("cover", "contain", "fill"), "cover, contain or fill", "box"),
    "crop": _Argument(_point, "smart, or two shares from 0 to 1", "cut"),
    "dpr": _Argument(_word("1", "1.5", "2", "3", "4"), "1, 1.5, 2, 3 or 4", "side"),
    "max_kb": _Argument(_whole(100_000), "an integer from 1 to 100000"),
    "blur": _Argument(_decimal(0.3, 100), "a number from 0.3 to 100"),
}
"""In the order of the canonical address."""
_PICTURES = ("width", "height", "format", "blur")
"""Each of these makes a picture of what is delivered as stored otherwise."""
_STORED = ("pdf", "svg")

_NAME = re.compile(r"(?!/image/)(?:/[A-Za-z0-9@_-]{1,90}){2,12}\.[A-Za-z0-9]{1,10}")
_PATH = re.compile(r"/(?:(original|full)|optimise/([^/]+))(?:/image)?(/.+)")
_PRESET = re.compile("(?!image$)[a-z][a-z0-9-]{0,31}")
_VERSION = re.compile(r"[0-9a-f]{12}(?:-[0-9.]+-[0-9.]+)?")
_DOWNLOAD_BYTES = 300
_OWN = ("signature", "expires")


def _form(kind: str, name: str, given: Mapping[str, str], preset: str) -> tuple[str, dict[str, str]]:
    """Return the path below the base and the arguments that have an effect, in their order."""
    if not _NAME.fullmatch(name):
        raise AddressRefused("name", f"{name!r} is not the path of an asset, such as /DEV/pets/cat.webp.")
    stored = name.rpartition(".")[2] in _STORED
    if kind == "original" or (kind == "full" and stored):
        return f"/{kind}{name}", {}
    if preset:
        if not _PRESET.fullmatch(preset):
            raise AddressRefused("preset", f"{preset!r} is neither a size such as 200x0 nor the name of a preset.")
        dpr = _read(given, ("dpr",))
        return (f"/full{name}", {"preset": preset} | dpr) if kind == "full" else (f"/optimise/{preset}{name}", dpr)
    values = _read(given, _PICTURES)
    if not stored or values:
        values = _effective(_read(given, _ARGUMENTS))
    if kind == "full":
        return f"/full{name}", values
    box = f"{values.pop('width', '0')}x{values.pop('height', '0')}"
    return f"/optimise/{box}{name}", values


def _read(given: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    values = {}
    for name in names:
        text = given.get(name, "")
        value = _ARGUMENTS[name].read(text) if text else ""
        if value is None:
            raise AddressRefused(name, f"{name} must be {_ARGUMENTS[name].expected}, not {text!r}.")
        if value:
            values[name] = value
    return values


def _effective(values: dict[str, str]) -> dict[str, str]:
    sides = [name for name in ("width", "height") if name in values]
    has = {
        "": True,
        "side": bool(sides),
        "box": len(sides) == 2,
        "cut": len(sides) == 2 and "fit" not in values,
    }
    kept = {name: value for name, value in values.items() if has[_ARGUMENTS[name].needs]}
    if kept.get("format") == "webp" and (sides or "blur" in kept):
        del kept["format"]
    return kept


def _query(values: Iterable[tuple[str, str]]) -> str:
    text = "&".join(f"{name}={value}" for name, value in values)
    return f"?{text}" if text else ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes addresses of assets. `base` is `base_url` of an entry, such as `https://media.example.com/assets/media`.

    With a `key` (one of URL_SIGNING_KEYS), every address is signed; `expires` is then the end of all of them.
    """

    base: str
    key: str = field(default="", repr=False)
    expires: datetime | int | None = None

    def url(self, asset: Entry | str, **wanted: Unpack[Wanted]) -> str:
        """Return the address of a form of an asset, which is an entry or its path; raises AddressRefused."""
        name = asset if isinstance(asset, str) else _name(asset, wanted)
        address = self.base.removesuffix("/") + _address(name, wanted)
        return self.sign(address) if self.key else address

    def srcset(self, asset: Entry | str, widths: Sequence[int] = (), **wanted: Unpack[Wanted]) -> str:
        """Return `srcset` of several widths. With a `height` in `wanted`, which is that of its `width`, all are cut to
        this ratio. An entry is asked for nothing wider than it is."""
        return ", ".join(
            f"{self.url(asset, **_both(wanted, size))} {size['width']}w" for size in _sizes(asset, widths, wanted)
        )

    def picture(
        self,
        asset: Entry,
        widths: Sequence[int] = (),
        sizes: str = "100vw",
        lazy: bool = True,
        **wanted: Unpack[Wanted],
    ) -> str:
        """Return a `<picture>`: AVIF for browsers that have it, WebP for the others, and room for it in the page."""
        chosen: Wanted = {"v": version_of(asset), **wanted}
        largest = _sizes(asset, widths, chosen)[-1]
        room = _room(asset, largest)
        attributes = {
            "src": self.url(asset, **_both(chosen, largest)),
            "srcset": self.srcset(asset, widths, **chosen),
            "sizes": sizes,
            **({"width": str(room[0]), "height": str(room[1])} if room else {}),
            "alt": asset.alt or "",
            **({"loading": "lazy"} if lazy else {}),
        }
        image = f"<img{_attributes(attributes)}>"
        if "format" in wanted:
            return f"<picture>\n  {image}\n</picture>"
        avif = self.srcset(asset, widths, **_both(chosen, {"format": "avif"}))
        source = f"<source{_attributes({'type': 'image/avif', 'srcset': avif, 'sizes': sizes})}>"
        return f"<picture>\n  {source}\n  {image}\n</picture>"

    def sign(self, address: str) -> str:
        """Return an address, in any spelling, with its end and its signature; raises AddressRefused."""
        if not self.key:
            raise AddressRefused("key", "There is no key to sign with.")
        path, _, query = address.partition("?")
        ends = self.expires
        end = "" if ends is None else str(int(ends.timestamp()) if isinstance(ends, datetime) else ends)
        parts = [part for part in query.split("&") if part and part.partition("=")[0].lower() not in _OWN]
        parts += [f"expires={end}"] if end else []
        text = f"{self.canonical(address)}\n{end}".encode()
        parts.append(f"signature={hmac.new(self.key.encode(), text, hashlib.sha256).hexdigest()}")
        return f"{path}?{'&'.join(parts)}"

    def canonical(self, address: str) -> str:
        """Return the form that an address, in any spelling, asks for: what is signed. Raises AddressRefused."""
        path, _, query = address.partition("?")
        base = self.base.removesuffix("/")
        match = _PATH.fullmatch(path.removeprefix(base)) if path.startswith(f"{base}/") else None
        if match is None:
            raise AddressRefused("name", f"{address!r} is not an address of an asset below {base}.")
        plain, box, name = match.groups()
        given: dict[str, str] = {}
        for pair in query.split("&"):
            key, equals, value = pair.partition("=")
            if equals:
                given.setdefault(key.lower(), value)
        sides = re.fullmatch("([0-9]+)x([0-9]+)", box) if box else None
        preset = given.get("preset", "") if not box else "" if sides else box
        if sides:
            given |= {"width": sides[1], "height": sides[2]}
        below, values = _form(plain or "optimise", name, given, preset)
        return BASE + below + _query(values.items())


def version_of(entry: Entry) -> str:
    """Return the `v` of an entry: what it contains now. Browsers keep an address that has it for a year."""
    return entry.versioned_url.rpartition("v=")[2]


def _name(entry: Entry, wanted: Wanted) -> str:
    """Return the path of a form: the uploaded file has its own extension, and would be redirected to it."""
    if not wanted.get("original"):
        return entry.unique_name
    return f"{without_extension(entry.unique_name)}.{entry.original_filename.rpartition('.')[2]}"


def _address(name: str, wanted: Wanted) -> str:
    preset, original = wanted.get("preset", ""), wanted.get("original", False)
    given = {argument: _text(wanted[argument]) for argument in _ARGUMENTS if argument in wanted}  # type: ignore[literal-required]
    for argument in [*given, *(["preset"] if preset else [])]:
        beside = argument == "dpr" or argument == "preset"
        if original or (preset and not beside):
            stands = "the uploaded file" if original else "a preset"
            raise AddressRefused(argument, f"{argument} cannot be asked of {stands}.")
    values = {} if original or preset else _read(given, _PICTURES)
    stored = name.rpartition(".")[2] in _STORED
    sized = bool(preset or "width" in values or "height" in values or (stored and values))
    path, arguments = _form("original" if original else "optimise" if sized else "full", name, given, preset)
    return path + _query([*arguments.items(), *_unsigned(wanted)])


def _unsigned(wanted: Wanted) -> Iterable[tuple[str, str]]:
    """Yield what no answer depends on: the name to save under, and the version."""
    download = wanted.get("download", False)
    if download:
        name = "1" if download is True else download
        if (
            any(letter in "/\\" or unicodedata.category(letter) == "Cc" for letter in name)
            or len(name.encode()) > _DOWNLOAD_BYTES
        ):
            raise AddressRefused("download", f"{name[:_DOWNLOAD_BYTES]!r} is not a name to save a file under.")
        yield "download", quote(name, safe="!'()*~.-_")
    if "v" in wanted:
        if not _VERSION.fullmatch(wanted["v"]):
            raise AddressRefused("v", f"{wanted['v']!r} is not the version in versioned_url of an entry.")
        yield "v", wanted["v"]


def _text(value: object) -> str:
    """Write a value as an address has it, rounded to hundredths."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list) and len(value) == 2:
        return ",".join(map(_text, value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return repr(value)
    rounded = math.floor(value * 100 + 0.5) / 100
    return _short(rounded) if abs(value) < _ANY_SIDE else repr(value)


def _sizes(asset: Entry | str, widths: Sequence[int], wanted: Wanted) -> list[Wanted]:
    """Return the sides of each picture of a set, the smallest first."""
    most = asset.width if isinstance(asset, Entry) else None
    chosen = sorted(set(widths or WIDTHS))
    fitting = [width for width in chosen if most is None or width <= most]
    if most is not None and len(fitting) < len(chosen):
        fitting.append(most)
    ratio = wanted["height"] / wanted["width"] if wanted.get("width") and wanted.get("height") else None
    widths = sorted(set(fitting))
    if ratio is None:
        return [{"width": width} for width in widths]
    return [{"width": width, "height": max(1, round(width * ratio))} for width in widths]


def _both(wanted: Wanted, more: Wanted) -> Wanted:
    return {**wanted, **more}


def _room(asset: Entry, size: Wanted) -> tuple[int, int] | None:
    if "height" in size:
        return size["width"], size["height"]
    if not asset.width or not asset.height:
        return None
    return size["width"], max(1, round(size["width"] * asset.height / asset.width))


def _attributes(given: Mapping[str, str]) -> str:
    return "".join(f' {name}="{html.escape(value)}"' for name, value in given.items())
