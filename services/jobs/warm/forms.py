"""Which forms are made before they are asked for, how they are asked for, and what an answer says of them. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.core.addresses.arguments import ACCEPTED, DENSITIES
from services.core.assets.media_types import AVIF, JPEG, PNG, WEBP

_ACCEPT = {"": f"{WEBP},*/*", "avif": f"{AVIF},{WEBP},*/*", "plain": f"{PNG},{JPEG}"}
"""What browsers send, by the word that the gateway makes of it."""
_WORDS = {"dpr": tuple(DENSITIES), "accept": tuple(ACCEPTED)}
_LATER_SECONDS, _LATER_MAX = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Form:
    """A form of any asset: a preset, a density (a word of `dpr`, empty for 1), and what the client accepts (a word of
    `accept`, empty for WebP)."""

    preset: str
    density: str = ""
    accept: str = ""

    def __str__(self) -> str:
        words = (("dpr", self.density), ("accept", self.accept))
        query = "&".join(f"{name}={word}" for name, word in words if word)
        return f"{self.preset}{'?' if query else ''}{query}"

    def path(self, unique_name: str) -> str:
        """Return the canonical address of this form of an asset, below the route of the assets."""
        return f"/optimise/{self.preset}{unique_name}{f'?dpr={self.density}' if self.density else ''}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a request on which the answer depends."""
        return {"Accept": _ACCEPT[self.accept]}


def read(texts: Collection[str], presets: Collection[str]) -> tuple[Form, ...]:
    """Read forms such as `thumb`, `thumb?dpr=2` and `hero?dpr=2&accept=avif`: each once, in their order.

    Raises ValueError for one that no address of a preset can have.
    """
    return tuple(dict.fromkeys(_read(text, presets) for text in texts))


def _read(text: str, presets: Collection[str]) -> Form:
    preset, _, query = text.partition("?")
    if preset not in presets:
        known = f"expected some of {', '.join(presets)}" if presets else "there are none"
        raise ValueError(f"{preset!r} is not a name in PRESETS ({known}); transform needs the same PRESETS")
    words = {"dpr": "", "accept": ""}
    for part in filter(None, query.split("&")):
        name, _, word = part.partition("=")
        if word not in _WORDS.get(name, ()):
            expected = " and ".join(f"{name} ({', '.join(known)})" for name, known in _WORDS.items())
            raise ValueError(f"{text!r}: {part!r} is not possible; beside a preset there are {expected}")
        words[name] = word
    return Form(preset, "" if words["dpr"] == "1" else words["dpr"], words["accept"])


class Outcome(StrEnum):
    """What became of one form at one node."""

    MADE = "made"
    THERE = "there"
    """It was in the cache already."""
    REFUSED = "refused"
    """It cannot be made: the asset has expired, or is no picture; or transform has other presets."""
    BUSY = "busy"
    """It was asked for several times, and was not made: there is too much to do, or something is down."""
    AWAY = "away"
    """The node does not answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one form at one node, and why if it is not there."""

    outcome: Outcome
    why: str = ""

    @property
    def is_there(self) -> bool:
        return self.outcome in (Outcome.MADE, Outcome.THERE)


def outcome(status: int, cache: str) -> Outcome:
    """Return what an answer means. `cache` is its X-Cache-Status. BUSY may be better later."""
    if status == 429 or status > 500 or (status == 200 and cache == "BYPASS"):
        return Outcome.BUSY  # A node that is not current keeps nothing.
    if status != 200:
        return Outcome.REFUSED
    return Outcome.MADE if cache in ("MISS", "EXPIRED") else Outcome.THERE


def pause(retry_after: str) -> float:
    """Return the seconds after which a form is asked for again, by the Retry-After of its answer."""
    return min(float(retry_after), _LATER_MAX) if retry_after.isdecimal() else _LATER_SECONDS
