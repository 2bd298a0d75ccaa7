"""How a search is answered: the conditions in SQL, and where the candidates come from. Pure.

A *driver* is a condition that an index of SQLite answers by itself. It is counted, up to NARROW_MAX. The driver with
the fewest entries is the plan: all of its entries are candidates, and so everything is exact. If each has more, entries
that are found are frequent: the plan is to walk through the entries in the wanted order until the page is full.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.catalog.search.query import Query
from services.catalog.search.row import MISSING
from services.catalog.search.words import needle, trigrams

NARROW_MAX = 20_000
"""Candidates that are looked at for one search: some 10 ms."""

Value = str | int


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the values of its parameters."""

    text: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrow:
    """The candidates are the entries of one driver, by its position: all of them are looked at."""

    driver: int


@dataclass(frozen=True, slots=True)
class Wide:
    """The candidates of the page are the first entries of the order. The total is that of the entries uploaded last."""


Plan = Narrow | Wide

_ORIENTATIONS = {"landscape": "width > height", "portrait": "width < height", "square": "width = height"}


def drivers(query: Query) -> tuple[Sql, ...]:
    """Return what can name the candidates: selections of `id`, the most selective kinds first."""
    return tuple(_drivers(query))


def _drivers(query: Query) -> Iterator[Sql]:
    if query.signature is not None:
        yield Sql("SELECT id FROM entries WHERE signature = ?", (query.signature,))
    if query.external_id is not None:
        yield Sql("SELECT id FROM entries WHERE external_id = ?", (query.external_id,))
    for tag in query.tags:
        yield Sql("SELECT id FROM tags WHERE tag = ?", (tag,))
    if wanted := match(query.words):
        yield Sql("SELECT rowid AS id FROM words WHERE words MATCH ?", (wanted,))
    if query.folder is not None:
        where = _in_folder(query.folder, query.recursive)
        yield Sql(f"SELECT id FROM entries WHERE {where.text}", where.values)


def match(words: Sequence[str]) -> str:
    """Return the expression of FTS5 that every entry with these words fulfils; empty if that is no condition."""
    return " AND ".join(f'"{part}"' for part in dict.fromkeys(part for word in words for part in trigrams(word)))


def choose(counts: Sequence[int]) -> Plan:
    """Return the plan for drivers with these numbers of entries, each counted up to NARROW_MAX + 1."""
    narrow = [(count, driver) for driver, count in enumerate(counts) if count <= NARROW_MAX]
    return Narrow(min(narrow)[1]) if narrow else Wide()


def condition(query: Query, now: int) -> Sql:
    """Return what an entry must fulfil, as SQL about the table `entries`. `now` is milliseconds since 1970."""
    parts = list(_conditions(query, now)) or [Sql("1")]
    return Sql(" AND ".join(part.text for part in parts), tuple(value for part in parts for value in part.values))


def _conditions(query: Query, now: int) -> Iterator[Sql]:
    """Yield the conditions, those that cost least first."""
    if query.signature is not None:
        yield Sql("signature = ?", (query.signature,))
    if query.external_id is not None:
        yield Sql("external_id = ?", (query.external_id,))
    if query.types:
        yield Sql(f"type IN ({', '.join('?' * len(query.types))})", query.types)
    for bounds in query.ranges:
        if bounds.least is not None:
            yield Sql(f"{bounds.column} >= ?", (bounds.least,))
        if bounds.below is not None:
            yield Sql(f"{bounds.column} < ?", (bounds.below,))
    if query.orientation is not None:
        yield Sql(_ORIENTATIONS[query.orientation])
    if query.colour is not None:
        yield Sql("colour = ?", (query.colour,))
    if query.missing is not None:
        yield Sql("lacks & ? != 0", (1 << MISSING.index(query.missing),))
    if query.expired is not None:
        expired = "(expired OR coalesce(expires <= ?, 0))"
        yield Sql(expired if query.expired else f"NOT {expired}", (now,))
    if query.folder is not None:
        yield _in_folder(query.folder, query.recursive)
    for word in query.words:
        yield Sql("instr(text, ?) > 0", (needle(word),))
    for tag in query.tags:
        yield Sql("EXISTS (SELECT 1 FROM tags WHERE tags.tag = ? AND tags.id = entries.id)", (tag,))


def _in_folder(folder: str, recursive: bool) -> Sql:
    if not recursive:
        return Sql("folder = ?", (folder,))
    below = chr(ord("/") + 1)  # The first text behind all that begin with the folder and a slash.
    return Sql("(folder = ? OR (folder >= ? AND folder < ?))", (folder, f"{folder}/", f"{folder}{below}"))


def behind(query: Query) -> Sql:
    """Return what an entry behind the cursor fulfils."""
    if query.cursor is None:
        return Sql("1")
    side = "<" if query.descending else ">"
    return Sql(f"({query.order}, tie) {side} (?, ?)", (query.cursor.value, query.cursor.tie))


def in_order(query: Query) -> str:
    """Return the order of the entries, as SQL."""
    way = "DESC" if query.descending else "ASC"
    return f"{query.order} {way}, tie {way}"
