"""What is too much to render, decided from a file's header. Pure."""

from dataclasses import dataclass

from services.core.errors import Undecodable


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one render."""

    pixels: int = 50_000_000
    """Of a source, all its frames counted."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before anything of it is decoded: the size of one frame, as it is stored."""

    width: int
    height: int
    frames: int


def check(header: Header, limits: Limits) -> None:
    """Raise Undecodable for a source that would cost more than the limits allow."""
    if header.width * header.height * header.frames > limits.pixels:
        raise Undecodable(
            f"The image has {header.width}x{header.height} pixels in {header.frames} frame(s), too many to render.",
            f"Upload one of {limits.pixels} pixels at most.",
        )
