"""Reading a long JSON list value by value: memory is that of the longest value, not of the list."""

from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, NoReturn

_CHUNK = 1 << 20
VALUE_MAX = 4 << 20
"""Characters of one value."""
_NUMBER = "0123456789.eE+-"
_SPACE = " \t\r\n"


class NotAList(Exception):
    """The file is no JSON list; says what is wrong and where."""


def read_list(path: Path) -> Iterator[object]:
    """Yield the values of a list; raises NotAList, possibly after some of them."""
    decoder = JSONDecoder(parse_constant=_no_number)
    with path.open(encoding="utf-8", newline="") as file:
        text = _Text(file)
        if text.next() != "[":
            raise NotAList("it does not begin with [")
        text.at += 1
        separator = ""
        while text.next() != "]" or separator:
            yield text.value(decoder)
            separator = text.next()
            if separator == "]":
                break
            if separator != ",":
                raise NotAList(f"character {text.place}: expected , or ]" if separator else "it ends in the middle")
            text.at += 1
        text.at += 1
        if text.next():
            raise NotAList(f"character {text.place}: there is more behind the list")


class _Text:
    """A window on the text of a file, which moves on."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._window = ""
        self._before = 0
        self.at = 0

    @property
    def place(self) -> int:
        return self._before + self.at

    def next(self) -> str:
        """Go on to the next character that is no space; return it, empty at the end of the text."""
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
                # A value that is cut here looks like a wrong one.
                if len(self._window) - self.at <= VALUE_MAX and self._more():
                    continue
                raise NotAList(f"character {self._before + error.pos}: {error.msg}") from None
            except (RecursionError, ValueError) as error:
                raise NotAList(f"near character {self.place}: {error}") from None
            tail = self._window[end : end + 3]
            if len(tail) < 3 and not tail.strip(_NUMBER) and self._more():
                continue  # A number that is cut looks like a shorter one.
            self.at = end
            return found

    def _more(self) -> bool:
        try:
            chunk = self._file.read(_CHUNK)
        except UnicodeDecodeError:
            raise NotAList("it is no UTF-8 text") from None
        self._before += self.at
        self._window = self._window[self.at :] + chunk
        self.at = 0
        return bool(chunk)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
