"""Settings that are a text of a known shape: the one validator of them all."""

import re
from typing import TypeVar

from pydantic import AfterValidator, SecretStr

_Text = TypeVar("_Text", str, SecretStr)


def _without_slash(text: str) -> str:
    return text.rstrip("/")


WITHOUT_SLASH = AfterValidator(_without_slash)
"""Removes slashes at the end of a text. It stands before what the text must match."""


def matching(pattern: str, expected: str, *, optional: bool = False) -> AfterValidator:
    """Return a validator of texts and secrets that must match the whole of a regular expression.

    `expected` goes on after "expected": "a path such as /file". An `optional` text may be empty.
    """
    compiled = re.compile(pattern)

    def check(value: _Text) -> _Text:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not compiled.fullmatch(text) and not (optional and text == ""):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)
