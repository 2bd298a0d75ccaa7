"""Reads a long JSON array value by value: memory is that of the longest value, not of the array.

The library ijson does that too, and 20 % faster. But it has no limits for the size and the depth of a value (30 kB of
`[` take 2 GB there), replaces what is not valid Unicode, takes an object for an empty array, and names no positions.
"""

from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, NoReturn

_CHUNK = 1 << 20
VALUE_MAX = 4 << 20
"""Characters of one value."""
_NUMBER = "0123456789.eE+-"
_SPACE = " \t\r\n"


class NotAnArray(Exception):
    """The file is not a JSON array. The text says what is wrong and where."""


def read_array(path: Path) -> Iterator[object]:
    """Yield the values of an array; raises NotAnArray, possibly after some of them."""
    decoder = JSONDecoder(parse_constant=_no_number)
    with path.open(encoding="utf-8", newline="") as file:
        text = _Text(file)
        if text.next() != "[":
            raise NotAnArray("it does not begin with [")
        text.at += 1
        separator = ""
        while text.next() != "]" or separator:
            yield text.value(decoder)
            separator = text.next()
            if separator == "]":
                break
            if separator != ",":
                raise NotAnArray(f"character {text.place}: expected , or ]" if separator else "the file is cut short")
            text.at += 1
        text.at += 1
        if text.next():
            raise NotAnArray(f"character {text.place}: there is more text after the array")


class _Text:
    """A window that moves over the text of a file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._window = ""
        self._before = 0
        self.at = 0

    @property
    def place(self) -> int:
        return self._before + self.at

    def next(self) -> str:
        """Go on to the next character that is not white space; return it, or an empty text at the end."""
        while True:
            while self.at < len(self._window):
                if self._window[self.at] not in _SPACE:
                    return self._window[self.at]
                self.at += 1
            if not self._more():
                return ""

    def value(self, decoder: JSONDecoder) -> object:
        self.next()
        while True:
            try:
                found, end = decoder.raw_decode(self._window, self.at)
            except JSONDecodeError as error:
                # A value that is cut by the window looks like a wrong one.
                if len(self._window) - self.at <= VALUE_MAX and self._more():
                    continue
                raise NotAnArray(f"character {self._before + error.pos}: {error.msg}") from None
            except (RecursionError, ValueError) as error:
                raise NotAnArray(f"near character {self.place}: {error}") from None
            tail = self._window[end : end + 3]
            if len(tail) < 3 and not tail.strip(_NUMBER) and self._more():
                continue  # A number that is cut looks like a shorter one.
            self.at = end
            return found

    def _more(self) -> bool:
        try:
            chunk = self._file.read(_CHUNK)
        except UnicodeDecodeError:
            raise NotAnArray("it is not UTF-8 text") from None
        self._before += self.at
        self._window = self._window[self.at :] + chunk
        self.at = 0
        return bool(chunk)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
