"""How the value of an argument is written in an address. Pure: `read` and `write` are inverse.

Each spelling also says how nginx brings it into its one form (`rewrites`), and what people are told of it (`values`).
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from services.core.addresses.values import Focus
from services.core.errors import BadRequest

_INTEGER = re.compile(r"0*([0-9]{1,9})")
_DECIMAL = re.compile(r"0*([0-9]{1,9}(?:\.[0-9]{1,2})?)")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Some ways to write a value, as a regular expression, and their one form: text with the names of its groups."""

    pattern: str
    form: str


class Spelling(Protocol):
    @property
    def default(self) -> Any:
        """The value that is the same as none."""
        ...

    @property
    def values(self) -> str:
        """What can be sent, for docs; the name of a setting stands for its value."""
        ...

    @property
    def one_form(self) -> str:
        """How it is written in the canonical address, for docs."""
        ...

    @property
    def nothing(self) -> str:
        """The regular expression of what is the same as no value; empty when only the empty text is."""
        ...

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """What else is not in its one form."""
        ...

    @property
    def possible(self) -> str:
        """The regular expression of all that can be a value. It need not look at bounds."""
        ...

    def read(self, name: str, text: str, side_max: int) -> Any:
        """Return a value of a text that is not empty; the default when it is as good as none. Raises BadRequest."""
        ...

    def write(self, value: Any) -> str:
        """Return the one form of a value that is not the default."""
        ...


def refusal(name: str, expected: str, text: str) -> BadRequest:
    return BadRequest(f"{name} must be {expected}, not {text!r}.", f"Leave {name} out to get the default.")


@dataclass(frozen=True, slots=True)
class Number:
    """An integer from 1; 0 is the same as none. A value has `unit` for each that is written."""

    largest: int | Literal["SIDE_MAX"]
    unit: int = 1

    @property
    def default(self) -> int:
        return 0

    @property
    def values(self) -> str:
        return f"1 to {f'`{self.largest}`' if isinstance(self.largest, str) else self.largest}"

    @property
    def one_form(self) -> str:
        return "without leading zeros"

    @property
    def nothing(self) -> str:
        return "0+"

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        return (Rewrite("0*(?<value>[0-9]+)", "$value"),)

    @property
    def possible(self) -> str:
        return "[0-9]+"

    def read(self, name: str, text: str, side_max: int) -> int:
        largest = side_max if self.largest == "SIDE_MAX" else self.largest
        match = _INTEGER.fullmatch(text)
        if match is None or int(match[1]) > largest:
            raise refusal(name, f"an integer from 1 to {largest}", text)
        return int(match[1]) * self.unit

    def write(self, value: int) -> str:
        return str(value // self.unit)


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number with two decimals at most, from `smallest` to `largest`; 0 is the same as none."""

    smallest: float
    largest: float

    @property
    def default(self) -> float:
        return 0.0

    @property
    def values(self) -> str:
        return f"{self.smallest:g} to {self.largest:g} in hundredths"

    @property
    def one_form(self) -> str:
        return "without needless zeros"

    @property
    def nothing(self) -> str:
        return r"0+(?:\.0{1,2})?"

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        return (
            Rewrite(r"(?=[0-9]+\.[0-9]{1,2}$)0*(?<whole>[0-9]+)(?<part>\.[0-9]?[1-9])0*", "$whole$part"),
            Rewrite(r"0*(?<whole>[0-9]+)(?:\.0{1,2})?", "$whole"),
        )

    @property
    def possible(self) -> str:
        return r"[0-9]+(?:\.[0-9]{1,2})?"

    def read(self, name: str, text: str, side_max: int) -> float:
        match = _DECIMAL.fullmatch(text)
        value = float(match[1]) if match else -1.0
        if value and not self.smallest <= value <= self.largest:
            expected = f"a number from {self.smallest:g} to {self.largest:g} with two decimals at most"
            raise refusal(name, expected, text)
        return value

    def write(self, value: float) -> str:
        return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words: each stands for a value. Of several with one value the first is its one form."""

    words: dict[str, Any]
    default: Any = None
    hidden: tuple[str, ...] = ()
    """Words that are taken and not told of."""

    @property
    def values(self) -> str:
        return ", ".join(f"`{word}`" for word in self.words if word not in self.hidden)

    @property
    def one_form(self) -> str:
        shorter = (
            f"`{word}` is `{self.write(value)}`" for word, value in self.words.items() if word != self.write(value)
        )
        return ", ".join(shorter) or "as it is"

    @property
    def nothing(self) -> str:
        return "|".join(re.escape(word) for word, value in self.words.items() if value == self.default)

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        forms = ((word, self.write(value)) for word, value in self.words.items())
        return tuple(Rewrite(re.escape(word), form) for word, form in forms if word != form)

    @property
    def possible(self) -> str:
        return "|".join(re.escape(word) for word, value in self.words.items() if value != self.default)

    def read(self, name: str, text: str, side_max: int) -> Any:
        if text not in self.words:
            raise refusal(name, f"one of {', '.join(self.words)}", text)
        return self.words[text]

    def write(self, value: Any) -> str:
        return next(word for word, known in self.words.items() if known == value)


_SHARE = r"(?:0(?:\.[0-9]{1,2})?|1(?:\.0{1,2})?)"
_COMMA = "(?:,|%2[Cc])"
_POINT = re.compile(rf"({_SHARE}){_COMMA}({_SHARE})")


@dataclass(frozen=True, slots=True)
class Point:
    """`smart`, or two shares in hundredths, of the width and of the height."""

    @property
    def default(self) -> None:
        return None

    @property
    def values(self) -> str:
        return "`smart`, or `x,y` from 0 to 1 in hundredths"

    @property
    def one_form(self) -> str:
        return "the point without needless zeros, with a comma"

    @property
    def nothing(self) -> str:
        return ""

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        left, right = (rf"(?<{name}>0\.[0-9]?[1-9]|[01])[.0]*" for name in "xy")
        return (Rewrite(f"(?={_SHARE}{_COMMA}{_SHARE}$){left}{_COMMA}{right}", "$x,$y"),)

    @property
    def possible(self) -> str:
        return f"smart|{_SHARE}{_COMMA}{_SHARE}"

    def read(self, name: str, text: str, side_max: int) -> Focus | Literal["smart"]:
        if text == "smart":
            return "smart"
        match = _POINT.fullmatch(text)
        if match is None:
            raise refusal(name, "smart, or a point such as 0.25,0.5 with shares from 0 to 1 in hundredths", text)
        return Focus(float(match[1]), float(match[2]))

    def write(self, value: Focus | Literal["smart"]) -> str:
        return value if value == "smart" else f"{value.x:g},{value.y:g}"
