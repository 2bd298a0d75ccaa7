"""Ways to write the addresses of assets: usual ones, odd ones, and such as cannot be."""

import random
from dataclasses import dataclass
from urllib.parse import unquote

SOUND_NAMES = (
    *("/DEV/cat.webp", "/DEV/shop/2026/cat.webp", "/DEV/a@2/b_c-d/cat.jpg", "/DEV/menu.pdf", "/DEV/logo.svg"),
    *("/DEV/x.png", "/DEV/x.SVG", "/DEV/webp.avif", "/DEV/full/optimise.gif", "/DEV/200x100/cat.webp"),
)
ODD_NAMES = (
    *("/cat.webp", "/image/cat.webp", "/DEV/cat", "/DEV/cat.webp/", "/DEV/c.a.t.webp", "/DEV/c!t.webp"),
    *("/DEV/k%C3%BC.webp", "/DEV" + "/a" * 11 + "/cat.webp", "/DEV" + "/a" * 10 + "/cat.webp"),
    *(f"/DEV/{'a' * 91}.webp", "/DEV/cat.webpwebpwebp"),
)
PRESETS = {"thumb": "200x100?fit=contain&quality=70", "hero-2": "1600x0", "dense": "90x0?dpr=2"}
SOUND_BOXES = (
    *("200x0", "0x100", "0x0", "300x200", "8192x8192", "4096x10", "0200x00", "00x00", "90x080", "000000000200x1"),
    *("thumb", "hero-2"),
)
ODD_BOXES = ("image", "Thumb", "unknown", "200", "200X100", "x", "200x", "1.5x2", "99999999999x1", "8193x0")
VALUES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "width": (("200", "0200", "0", "00", "", "8192", "00000000000300"), ("8193", "abc", "1.5", "-1", "%32", "9" * 11)),
    "height": (("100", "0100", "0", "000", "", "8192", "00000000000300"), ("8193", "abc", "+5", "9" * 11)),
    "quality": (("80", "080", "0", "00", "", "1", "100"), ("101", "0101", "-5", "1e1", "80:")),
    "format": (("webp", "avif", "jpeg", "jpg", "png", ""), ("gif", "WEBP", "plain", "web", "jpegs", "gif:", "x:jpg")),
    "fit": (("cover", "contain", "fill", ""), ("inside", "Fill", "covers", "x:cover")),
    "crop": (
        (
            *("smart", "0.5,0.5", "0.50%2C0.5", "0.1,0.9", "0.10%2c1.0", "0,0", "1,1", "0.00,1.00", "0.05,0.50"),
            *("1.0%2C0.01", ""),
        ),
        (
            *("top", "0.5", "0.5,1.01", "1.01,0", "0.123,0", ".5,.5", "1.5,0", "0.5,0.5,", "0,5,0,5", "smarter"),
            *("Smart", "top:", "0.5,0.5:"),
        ),
    ),
    "dpr": (("1", "1.5", "2", "3", "4", ""), ("0", "2.0", "5", "1x5", "01", "5:1")),
    "max_kb": (("20", "020", "0", "", "100000"), ("100001", "1.5", "k")),
    "blur": (
        ("2.5", "2.50", "02.5", "0.3", "100", "100.0", "5.05", "0", "0.00", ""),
        ("0.29", "0.2", "100.01", "101", ".5", "5.", "1.234", "1.000", "-1", "1e1", "1,5", "9999999999"),
    ),
    "preset": (("thumb", "hero-2", "dense", ""), ("Thumb", "unknown", "200x100", "image", "thumb2")),
    "accept": (("avif", "plain", ""), ("webp",)),
}
"""By argument: values that are possible, and such as are not."""
UNKNOWN = (
    *("v=7", "utm_source=x", "widths=5", "xwidth=5", "download=1", "download=a%20b", "width", "crop", "&", "="),
    "x=width=5",
)
ACCEPTED = (
    *("*/*", "image/avif,image/webp,*/*", "image/webp,*/*", "image/jpeg", "image/avif;q=0,image/webp", "text/html"),
    "",
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """A request: its target as it is sent, the same without disguise (`path`, decoded, and `query`), its Accept."""

    target: str
    path: str
    query: str
    accept: str


def spellings(count: int, seed: int, route: str = "/assets/media") -> list[Spelling]:
    """Return so many requests; the same ones for the same seed."""
    chance = random.Random(seed)
    return [_spelling(chance, route) for _ in range(count)]


def _spelling(chance: random.Random, route: str) -> Spelling:
    # Most of them are possible: what is not is soon the same again.
    sound = chance.random() < 0.7
    kind = chance.choice(("original", *("full",) * 3, *("optimise",) * 4, *(() if sound else ("small",))))
    box = f"/{chance.choice(SOUND_BOXES if sound else SOUND_BOXES + ODD_BOXES)}" if kind == "optimise" else ""
    image = "/image" if chance.random() < 0.1 else ""
    name = chance.choice(SOUND_NAMES if sound else SOUND_NAMES + ODD_NAMES)
    query = _query(chance, sound=sound)
    path = f"/{kind}{box}{image}{name}"
    disguised = _disguised(chance, path) if chance.random() < 0.15 else path
    return Spelling(
        f"{route}{disguised}{'?' if query or chance.random() < 0.05 else ''}{query}",
        unquote(f"/assets/media{path}"),
        query,
        chance.choice(ACCEPTED),
    )


def _query(chance: random.Random, *, sound: bool) -> str:
    pairs = []
    for name in chance.sample(sorted(VALUES), chance.choice((0, 1, 1, 2, 3, 4, len(VALUES)))):
        if name == "preset" and chance.random() < 0.7:
            continue
        possible, odd = VALUES[name]
        values = possible if sound else possible + odd
        written = chance.choice((name, name, name, name.upper(), name.capitalize()))
        pairs.append(f"{written}={chance.choice(values)}")
        if chance.random() < 0.05:
            pairs.append(f"{name}={chance.choice(possible + odd)}")
    pairs += chance.sample(UNKNOWN, chance.choice((0, 0, 0, 1, 2)))
    if chance.random() < 0.3:
        chance.shuffle(pairs)
    return "&".join(pairs)


def _disguised(chance: random.Random, path: str) -> str:
    """Write a path in another way that means the same."""
    at = chance.choice([number for number, letter in enumerate(path) if letter == "/"])
    match chance.randrange(4):
        case 0:
            return f"{path[:at]}/{path[at:]}"
        case 1:
            return f"{path[:at]}/.{path[at:]}"
        case 2:
            return f"{path[:at]}/x/..{path[at:]}"
    letter = chance.randrange(len(path))
    return (
        path if path[letter] in "/%" or "%" in path else f"{path[:letter]}%{ord(path[letter]):02x}{path[letter + 1 :]}"
    )
