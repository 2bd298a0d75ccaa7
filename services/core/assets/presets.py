"""How presets are written: names for a size with arguments. Pure.

The transform service makes them, and the jobs worker asks for them before visitors do (WARM). What a preset stands for
is the grammar of addresses, which transform alone knows.
"""

import re

NAME_PATTERN = "[a-z][a-z0-9-]{0,31}"
DENSITIES = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0}
"""The words of `dpr`. Few, as each of them makes another form. 1.5 is what many screens have besides the whole ones."""
ACCEPTED = {"avif": "avif", "plain": "plain"}
"""The words of `accept`: what the gateway makes of an Accept header that does not lead to a WebP."""

_NAME = re.compile(rf"(?!image$){NAME_PATTERN}")


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
