"""The arguments of a search, read into a typed query. Pure."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from services.catalog.routes.arguments import limit_of, number_of
from services.catalog.search import colours
from services.catalog.search.row import MISSING
from services.catalog.search.words import words_of
from services.core.assets import media_types, names
from services.core.assets.entries import parse_bool, parse_date
from services.core.errors import BadRequest

LIMIT, LIMIT_MAX = 50, 500
TEXT_MAX = 256
"""Characters of an argument."""
WORDS_MAX = 16
CURSOR_MAX = 600
ORIENTATIONS = ("landscape", "portrait", "square")
FACETS = ("tag", "type", "folder")
RANGES = ("width", "height", "size")
DATES = ("uploaded", "updated", "expires", "visible")
SORTS = {
    "uploaded_date": "uploaded",
    "updated_date": "updated",
    "expiration_date": "expires",
    "visible_from": "visible",
    "name": "unique_name",
    "size": "size",
}
"""By what entries are sorted, and the column that has it. With a minus before it, the order is reversed."""
OPTIONAL = ("expires", "visible")
"""Columns of SORTS that not every entry has. An order by one needs bounds of it, so that it is one of all that is
found."""
DEFAULT_SORT = "-uploaded_date"
REPEATED = ("tag", "type")
"""Arguments that may be given several times. An entry that is found has all of the tags, and one of the types."""
REPEATED_MAX = 16
NUMBERS = tuple(f"{end}_{name}" for name in RANGES for end in ("min", "max"))
TRUTHS = ("recursive", "expired")
ARGUMENTS = (
    "q",
    "namespace",
    "folder",
    "recursive",
    *REPEATED,
    *NUMBERS,
    "orientation",
    "color",
    "expired",
    "missing",
    *(f"{name}_{side}" for name in DATES for side in ("after", "before")),
    "external_id",
    "signature",
    "facets",
    "sort",
    "limit",
    "cursor",
)
CHOOSING = tuple(name for name in ARGUMENTS if name not in ("facets", "sort", "limit", "cursor"))
"""Arguments that decide which entries are found."""
SIGNATURE = "[0-9a-fA-F]{64}"
CURSOR = "[A-Za-z0-9_-]*"
FACET_LIST = rf"(?:{'|'.join(FACETS)})?(?:,(?:{'|'.join(FACETS)})?)*"
"""Regular expressions of arguments, as they stand in the OpenAPI document too."""
SHOWN = 64
"""Characters of a value that an answer repeats."""
_FOLDER = re.compile(rf"(?:/{names.SEGMENT})+")
Value = str | int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the last page ended: what the entry there is sorted by, and its tie (see Row)."""

    value: Value
    tie: int

    def to_text(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.value, self.tie])).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str, kind: type[str] | type[int]) -> "Cursor":
        """Read a cursor of an order by values of a kind; raises BadRequest."""
        try:
            if not re.fullmatch(CURSOR, text):
                raise ValueError
            value, tie = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError, binascii.Error):
            value, tie = None, None
        whole = [number for number in (value, tie) if type(number) is int]
        if type(value) is not kind or type(tie) is not int or any(not -(2**63) <= number < 2**63 for number in whole):
            raise BadRequest(
                f"{text[:32]!r} is not a cursor of this order.", "Send the cursor of the previous page, with its sort."
            )
        return cls(value, tie)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a column: `least` belongs to it, and `below` does not."""

    column: str
    least: int | None
    below: int | None


@dataclass(frozen=True, slots=True)
class Query:
    """A search. An entry is found if it fulfils all of it. None and empty fields demand nothing."""

    words: tuple[str, ...] = ()
    folder: str | None = None
    recursive: bool = False
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    orientation: str | None = None
    colour: str | None = None
    expired: bool | None = None
    missing: str | None = None
    external_id: str | None = None
    signature: str | None = None
    facets: tuple[str, ...] = ()
    order: str = SORTS[DEFAULT_SORT[1:]]
    descending: bool = True
    limit: int = LIMIT
    cursor: Cursor | None = None


def parse(given: Iterable[tuple[str, str]]) -> Query:
    """Read the arguments of a search; raises BadRequest for an unknown one, and for a value that is not valid.

    An argument without a value demands nothing.
    """
    one, several = _sorted_out(given)
    order = one.get("sort", DEFAULT_SORT)
    column = SORTS[_one_of("sort", order.removeprefix("-"), SORTS, DEFAULT_SORT)]
    folder, recursive = _place(one)
    ranges = tuple(_ranges(one))
    if column in OPTIONAL and not any(bounds.column == column for bounds in ranges):
        raise BadRequest(
            f"sort={order[:SHOWN]} is an order of entries that have this date.",
            f"Send {column}_after or {column}_before, too.",
        )
    return Query(
        words=_words(one.get("q", "")),
        folder=folder,
        recursive=recursive,
        tags=tuple(dict.fromkeys(several["tag"])),
        types=_each("type", map(media_types.canonical, several["type"]), media_types.KNOWN),
        ranges=ranges,
        orientation=_choice(one, "orientation", ORIENTATIONS),
        colour=_colour(one.get("color")),
        expired=parse_bool("expired", one["expired"]) if "expired" in one else None,
        missing=_choice(one, "missing", MISSING),
        external_id=one.get("external_id"),
        signature=_signature(one.get("signature")),
        facets=_each("facets", filter(None, one.get("facets", "").split(",")), FACETS),
        order=column,
        descending=order.startswith("-"),
        limit=limit_of(one.get("limit", ""), LIMIT_MAX) or LIMIT,
        cursor=Cursor.from_text(one["cursor"], str if column == "unique_name" else int) if "cursor" in one else None,
    )


def _sorted_out(given: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the arguments that have a value: those that are given once, and those that may be given several times."""
    one: dict[str, str] = {}
    several: dict[str, list[str]] = {name: [] for name in REPEATED}
    seen: Counter[str] = Counter()
    for name, value in given:
        if name not in ARGUMENTS:
            raise BadRequest(
                f"A search does not take the argument {name[:SHOWN]!r}.", f"It takes: {', '.join(ARGUMENTS)}."
            )
        longest = CURSOR_MAX if name == "cursor" else TEXT_MAX
        if len(value) > longest:
            raise BadRequest(f"{name} has {len(value)} characters.", f"Send {longest} at most.")
        seen[name] += 1
        often = REPEATED_MAX if name in REPEATED else 1
        if seen[name] > often:
            raise BadRequest(f"The argument {name!r} is there {seen[name]} times.", f"Send it {often} times at most.")
        if value and name in REPEATED:
            several[name].append(value)
        elif value:
            one[name] = value
    return one, several


def _words(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(words_of(text)))
    if len(words) > WORDS_MAX:
        raise BadRequest(f"q has {len(words)} words.", f"Send {WORDS_MAX} at most.")
    if text.strip() and not words:
        raise BadRequest("q has no letters and no digits.", "Send the words to search for, or leave it out.")
    return words


def _place(one: dict[str, str]) -> tuple[str | None, bool]:
    """Return the folder, and whether those below it belong to it. A namespace is a folder with all below it."""
    found = folder_of(one.get("namespace"), one.get("folder"))
    recursive = parse_bool("recursive", one["recursive"]) if "recursive" in one else "folder" not in one
    return found, recursive and found is not None


def folder_of(namespace: str | None, folder: str | None) -> str | None:
    """Return a folder such as `/DEV/shop`, or that of the namespace alone; None for neither. Raises BadRequest."""
    if namespace is not None and not names.is_safe_segment(namespace):
        raise BadRequest(f"{namespace[:SHOWN]!r} is not a namespace.", "Send a name such as DEV.")
    if folder is None:
        return namespace and f"/{namespace}"
    folder = "/" + folder.strip("/")
    if not _FOLDER.fullmatch(folder):
        raise BadRequest(f"{folder[:SHOWN]!r} is not a folder.", "Send a folder such as /DEV/shop.")
    if namespace and not f"{folder}/".startswith(f"/{namespace}/"):
        raise BadRequest("The folder is not in the namespace.", "Send one of them: a folder begins with its namespace.")
    return folder


def _ranges(one: dict[str, str]) -> Iterable[Range]:
    for column in RANGES:
        least, most = (number_of(one.get(name), name, "a whole number") for name in (f"min_{column}", f"max_{column}"))
        if least is not None or most is not None:
            yield Range(column, least, None if most is None else most + 1)
    for column in DATES:
        after, before = (_moment(name, one.get(name)) for name in (f"{column}_after", f"{column}_before"))
        if after is not None or before is not None:
            yield Range(column, after, before)


def _moment(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    date = parse_date(name, text)
    if date is None:
        raise BadRequest(f"{name} is not a date.", "Send ISO 8601, such as 2027-01-31T18:00:00+01:00, or leave it out.")
    return int(datetime.fromisoformat(date).timestamp() * 1000)


def _colour(text: str | None) -> str | None:
    if text is None:
        return None
    return colours.name_of(text) if colours.is_code(text) else _one_of("color", text, colours.NAMES, "#a1b2c3")


def _signature(text: str | None) -> str | None:
    if text is None:
        return None
    if re.fullmatch(SIGNATURE, text):
        return text.lower()
    raise BadRequest("signature is not a SHA-256.", "Send its 64 hex digits.")


def _choice(one: dict[str, str], name: str, known: Collection[str]) -> str | None:
    return _one_of(name, one[name], known) if name in one else None


def _each(name: str, values: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return values that are all known, each once."""
    return tuple(dict.fromkeys(_one_of(name, value, known) for value in values))


def _one_of(name: str, value: str, known: Collection[str], other: str = "") -> str:
    if value in known:
        return value
    also = f" or {other}" if other else ""
    raise BadRequest(f"{name} must not be {value[:SHOWN]!r}.", f"Send one of {', '.join(known)}{also}.")
