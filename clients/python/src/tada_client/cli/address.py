"""`tada url`."""

import re
import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Unpack

import typer

from tada_client import Addresses, AddressRefused, Entry, version_of
from tada_client.addresses import Wanted
from tada_client.cli import output, session
from tada_client.cli.output import stop
from tada_client.cli.session import Json, Ref

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def url(
    ref: Ref,
    size: Annotated[str, typer.Option("--size", "-s", help="As 400x300; 400x0 leaves the height free.")] = "",
    preset: Annotated[str, typer.Option(help="A size that has a name.")] = "",
    quality: Annotated[int, typer.Option(help="1 to 100.")] = 0,
    image_format: Annotated[str, typer.Option("--format", help="webp, avif, jpeg or png.")] = "",
    fit: Annotated[str, typer.Option(help="cover, contain or fill.")] = "",
    crop: Annotated[str, typer.Option(help="smart, or a point such as 0.2,0.5.")] = "",
    dpr: Annotated[float, typer.Option(help="Pixels for each of the sides': 1, 1.5, 2, 3 or 4.")] = 0,
    max_kb: Annotated[int, typer.Option(help="At most so many kilobytes.")] = 0,
    blur: Annotated[float, typer.Option(help="Sigma in pixels, 0.3 to 100.")] = 0,
    original: Annotated[bool, typer.Option("--original", help="The uploaded file.")] = False,
    download: Annotated[str, typer.Option(help="The name that browsers save it under.")] = "",
    versioned: Annotated[bool, typer.Option("--versioned", help="One that browsers keep for a year.")] = False,
    picture: Annotated[bool, typer.Option("--picture", help="A <picture> element for a page.")] = False,
    widths: Annotated[str, typer.Option(help="The widths of --picture, such as 400,800.")] = "",
    sizes: Annotated[str, typer.Option(help="`sizes` of --picture: how wide it is in the page.")] = "100vw",
    sign: Annotated[bool, typer.Option("--sign", help="Sign it: with TADA_SIGNING_KEY, or by the service.")] = False,
    expires: Annotated[str, typer.Option(help="When the signature ends: 90s, 15m, 2h or 7d from now.")] = "",
    as_json: Json = False,
) -> None:
    """Print the public address of any form of an asset."""
    wanted: dict[str, Any] = {
        "preset": preset,
        "quality": quality,
        "format": image_format,
        "fit": fit,
        "crop": crop,
        "dpr": dpr,
        "max_kb": max_kb,
        "blur": blur,
        "original": original,
        "download": download,
        **_sides(size),
    }
    wanted = {name: value for name, value in wanted.items() if value}
    key = session.profile().signing_key
    is_signed, seconds = bool(sign or expires), _seconds(expires)
    with session.client() as client:
        entry = client.get(ref)
        made = client.addresses(key if is_signed else "", int(time.time()) + seconds if seconds else None)
        noted = _Noted(made.base)
        try:
            text = _text(noted if is_signed and not key else made, entry, wanted, versioned, picture, widths, sizes)
        except AddressRefused as refused:
            stop(str(refused))
        if noted.written:
            plain = list(noted.written)
            noted.written.update(zip(plain, client.sign(entry, plain, expires_in=seconds), strict=True))
            text = _text(noted, entry, wanted, versioned, picture, widths, sizes)
    output.document({"html" if picture else "url": text}) if as_json else typer.echo(text)


@dataclass(frozen=True, slots=True)
class _Noted(Addresses):
    """Addresses that the service is to sign. `written` has each with what is written in its place."""

    written: dict[str, str] = field(default_factory=dict)

    def url(self, asset: Entry | str, **wanted: Unpack[Wanted]) -> str:
        plain = Addresses.url(self, asset, **wanted)
        return self.written.setdefault(plain, plain)


def _text(
    made: Addresses, entry: Entry, wanted: dict[str, Any], versioned: bool, picture: bool, widths: str, sizes: str
) -> str:
    if picture:
        try:
            chosen = [int(width) for width in widths.split(",") if width]
        except ValueError:
            stop(f"{widths!r} are not widths such as 400,800.")
        return made.picture(entry, chosen, sizes, **wanted)
    if versioned:
        wanted["v"] = version_of(entry)
    return made.url(entry, **wanted)


def _sides(size: str) -> dict[str, int]:
    match = re.fullmatch("([0-9]{1,9})x([0-9]{1,9})", size)
    if size and not match:
        stop(f"{size!r} is not a size such as 400x300.")
    return {"width": int(match[1]), "height": int(match[2])} if match else {}


def _seconds(duration: str) -> int | None:
    match = _DURATION.fullmatch(duration)
    if duration and not match:
        stop(f"{duration!r} is not a duration such as 90s, 15m, 2h or 7d.")
    return int(match[1]) * _SECONDS[match[2]] if match else None
