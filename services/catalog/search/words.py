"""Texts as search compares them: words in lower case, without accents. Pure functions."""

import re
import unicodedata
from collections.abc import Iterable

TEXT_MAX = 8192
"""Characters of one entry that can be searched. What is behind them is not found."""
PART_MIN = 3
"""Characters of a word that is found anywhere in a longer word. A shorter one is found only where words begin."""

_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})
"""Letters that people type without their strokes, and that Unicode does not take apart."""


def words_of(text: str) -> list[str]:
    """Return the words of a text, in their order: runs of letters and digits, in lower case and without accents."""
    if text.isascii():
        return _WORD.findall(text.lower())
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in apart if not unicodedata.combining(character))
    return _WORD.findall(plain.casefold().translate(_LETTERS))


def searched(texts: Iterable[str]) -> str:
    """Return the text that is searched: each word once, with a space before and behind it."""
    words = dict.fromkeys(words_of(" ".join(text[:TEXT_MAX] for text in texts)))
    return f" {' '.join(words)} "[:TEXT_MAX] if words else ""


def needle(word: str) -> str:
    """Return what a searched text contains if the word is found in it."""
    return word if len(word) >= PART_MIN else f" {word}"


def trigrams(word: str) -> list[str]:
    """Return trigrams that every text has in which the word is found. One letter has none.

    Only every second one is there, and the last: each costs time, and so few texts have these but not the others.
    """
    wanted = needle(word)
    last = len(wanted) - 3
    return list(dict.fromkeys(wanted[at : at + 3] for at in (*range(0, last, 2), last) if last >= 0))
