"""The tables of arguments in the docs: each stands in its page between two comments."""

import textwrap
from collections.abc import Mapping

from services.core.addresses.arguments import ARGUMENTS, PRESET, Argument, Need
from services.core.addresses.spellings import OneOf

_LACKING = {
    Need.SIDE: "without any side",
    Need.BOX: "without both sides",
    Need.CUT: "without both sides, and with another `fit` than `cover`",
}


def with_blocks(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with what stands in each of its blocks replaced; raises ValueError for a block that is missing."""
    for name, text in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        if not found or end not in rest:
            raise ValueError(f"the page has no block {name}")
        page = f"{before}{begin}{text}\n{rest[rest.index(end) :]}"
    return page


def arguments() -> str:
    """Return the table of arguments."""
    rows = (f"| `{each.name}` | {each.spelling.values} | {each.does}{_where(each)} |" for each in ARGUMENTS)
    return "\n".join(["| argument | values | what it does |", "|---|---|---|", *rows])


def canonical_arguments() -> str:
    """Return how each argument is written in the canonical address, in its order."""
    rows = [f"| `{PRESET}` | as it is | on `optimise`, where the path says it |"]
    rows += [f"| `{each.name}` | {each.spelling.one_form} | {'; '.join(_left_out(each))} |" for each in ARGUMENTS]
    return "\n".join(["| argument | how it is written | when it is left out |", "|---|---|---|", *rows])


def order() -> str:
    """Return the sentence about the order of what is signed."""
    beside = ", ".join(f"`{each.name}`" for each in ARGUMENTS if each.beside_preset)
    return textwrap.fill(
        f"The order is {', '.join(f'`{each.name}`{_aliases(each)}' for each in ARGUMENTS)}. `width` and `height` are "
        f"there on `full` alone. With a preset there are only `{PRESET}` (on `full`) and {beside}.",
        120,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _where(argument: Argument) -> str:
    return "; on `optimise` the path says it" if argument.on_full_alone else ""


def _aliases(argument: Argument) -> str:
    if not isinstance(argument.spelling, OneOf):
        return ""
    words = argument.spelling.words
    others = [(word, argument.spelling.write(value)) for word, value in words.items()]
    return "".join(f" (`{form}`, not `{word}`)" for word, form in others if form != word)


def _left_out(argument: Argument) -> list[str]:
    nothing = {0: "0", None: ""}.get(argument.default, "")
    if isinstance(argument.spelling, OneOf) and argument.default is not None:
        nothing = f"`{argument.spelling.write(argument.default)}`"
    return [
        part
        for part in (
            nothing,
            f"`{argument.usual}` when a picture is made anyhow" if argument.usual else "",
            _LACKING.get(argument.needs, ""),
            "on `optimise`, where the path says it" if argument.on_full_alone else "",
            "" if argument.beside_preset else "beside a preset",
        )
        if part
    ]
