"""Tables for a terminal. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

_WIDEST = 48


def lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table: every column but the last one is as wide as its widest cell, 48 characters at most."""
    table = [tuple(_printable(cell) for cell in row) for row in (head, *rows)]
    last = len(head) - 1
    widths = [min(_WIDEST, max(len(row[column]) for row in table)) for column in range(last)]
    return [
        "  ".join([*(_cut(row[column], width) for column, width in enumerate(widths)), row[last]]).rstrip()
        for row in table
    ]


def counted(whats: Iterable[str]) -> str:
    """Return how often each word occurs: `12 copied, 1 missing bytes`."""
    return ", ".join(f"{count} {what}" for what, count in Counter(whats).most_common()) or "none"


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
