"""How a search is answered: the conditions in SQL, and where the candidates come from. Pure.

A *driver* is a condition that an index of SQLite answers by itself. The driver with the fewest entries is the plan: all
of its entries are candidates, and so everything is exact. If each has more than NARROW_MAX, entries that are found are
frequent: the plan is to walk through the entries in the wanted order until the page is full.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.catalog.search.query import Query, Range
from services.catalog.search.row import MISSING
from services.catalog.search.words import needle, trigrams

NARROW_MAX = 5000
"""Candidates that are looked at for one search: some 10 ms."""

FEW = 200
"""A driver with so few entries is used, without a count of the others."""

Value = str | int | bytes


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the values of its parameters."""

    text: str
    values: tuple[Value, ...] = ()

    def __and__(self, other: "Sql") -> "Sql":
        return Sql(f"{self.text} AND {other.text}", self.values + other.values)


EVERYTHING = Sql("1")


@dataclass(frozen=True, slots=True)
class Runs:
    """Entries by the values of a column. The index of the column has those of one value in the order of upload."""

    column: str
    values: Sql


@dataclass(frozen=True, slots=True)
class Driver:
    """What can name the candidates: a selection of `id`. `count` selects its number, None if that is to be counted."""

    ids: Sql
    count: Sql | None = None


def group_condition(query: Query, *, marked: bool) -> Sql:
    """Return what a search demands of a group, as SQL about the table `groups`.

    Groups know of an expired entry only if it is marked as expired; `marked` says whether all are.
    """
    parts = []
    if (namespace := namespace_of(query)) is not None:
        parts.append(Sql("namespace = ?", (namespace,)))
    if query.types:
        parts.append(Sql(f"type IN ({', '.join('?' * len(query.types))})", query.types))
    if query.orientation is not None:
        parts.append(Sql("shape = ?", (query.orientation,)))
    if query.colour is not None:
        parts.append(Sql("colour = ?", (query.colour,)))
    if query.missing is not None:
        parts.append(Sql("lacks & ? != 0", (1 << MISSING.index(query.missing),)))
    if query.expired is not None and marked:
        parts.append(Sql("groups.expired = ?", (query.expired,)))
    return both(parts)


def kinds_of(query: Query, *, marked: bool) -> frozenset[str]:
    """Return of what kinds the conditions of a search are."""
    asked = {
        "exact": query.signature is not None or query.external_id is not None,
        "tags": query.tags,
        "folder": folder_of(query) is not None,
        "groups": group_condition(query, marked=marked) != EVERYTHING,
        "expired": query.expired is not None and not marked,
        "ranges": query.ranges,
        "words": query.words,
    }
    return frozenset(kind for kind, is_asked in asked.items() if is_asked)


def namespace_of(query: Query) -> str | None:
    """Return the namespace if all of one is searched."""
    whole = query.folder is not None and query.recursive and query.folder.count("/") == 1
    return query.folder[1:] if query.folder is not None and whole else None


def folder_of(query: Query) -> str | None:
    """Return the folder if a part of a namespace is searched."""
    return query.folder if namespace_of(query) is None else None


def due(now: int) -> Sql:
    """Return the condition of entries that have expired, and are not marked as expired."""
    return Sql("expires <= ? AND expired = 0", (now,))


def drivers(query: Query, now: int, groups: Sql) -> Iterator[Driver]:
    """Yield what can name the candidates, what costs least to count first. `now` is milliseconds since 1970."""
    if query.signature is not None:
        yield Driver(_entries(Sql("signature = ?", (bytes.fromhex(query.signature),))))
    if query.external_id is not None:
        yield Driver(_entries(Sql("external_id = ?", (query.external_id,))))
    for tag in query.tags:
        count = Sql("SELECT sum(entries) FROM tag_counts WHERE tag = ?", (tag,))
        yield Driver(Sql("SELECT id FROM tags WHERE tag = ?", (tag,)), count)
    if query.folder is not None and folder_of(query) is not None:
        inside = in_folder(query.folder, query.recursive)
        yield Driver(_entries(inside), folder_count(query.folder, query.recursive))
    if groups != EVERYTHING:
        yield Driver(_entries(in_groups(groups)), group_count(groups))
    if query.expired:
        marked, late = in_groups(Sql("groups.expired")), due(now)
        yield Driver(
            Sql(
                f"SELECT id FROM entries WHERE {marked.text} UNION ALL SELECT id FROM entries WHERE {late.text}",
                late.values,
            )
        )
    for bounds in query.ranges:
        yield Driver(_entries(within(bounds)))
    for word in query.words:
        if match([word]):
            yield with_words([word])
    if query.words or query.expired is not None:
        yield Driver(_entries(EVERYTHING), folder_count("", recursive=True))


def with_words(words: Sequence[str]) -> Driver:
    """Return the driver of entries that have some words, at least one of which has trigrams. It names each once."""
    ids = "SELECT id FROM loose UNION ALL "
    ids += "SELECT rowid FROM words WHERE words MATCH ? AND rowid NOT IN (SELECT id FROM loose)"
    return Driver(Sql(ids, (match(words),)))


def choose(counts: Sequence[int]) -> int | None:
    """Return the driver to use, by the numbers of their entries; None if all have more than NARROW_MAX."""
    narrow = [(count, driver) for driver, count in enumerate(counts) if count <= NARROW_MAX]
    return min(narrow)[1] if narrow else None


def group_count(groups: Sql) -> Sql:
    return Sql(f"SELECT sum(entries) FROM groups WHERE {groups.text}", groups.values)


def in_groups(groups: Sql) -> Sql:
    return Sql(f"grp IN (SELECT id FROM groups WHERE {groups.text})", groups.values)


def folder_count(folder: str, recursive: bool) -> Sql:
    return Sql(f"SELECT {'all_entries' if recursive else 'entries'} FROM folders WHERE path = ?", (folder,))


def match(words: Sequence[str]) -> str:
    """Return the expression of FTS5 that every entry with these words fulfils; empty if that is no condition."""
    return " AND ".join(f'"{part}"' for part in dict.fromkeys(part for word in words for part in trigrams(word)))


def condition(query: Query, now: int, groups: Sql) -> Sql:
    """Return what an entry must fulfil, as SQL about the table `entries`. `now` is milliseconds since 1970."""
    return both(list(_conditions(query, now, groups)))


def _conditions(query: Query, now: int, groups: Sql) -> Iterator[Sql]:
    """Yield the conditions, those that cost least first."""
    if query.signature is not None:
        yield Sql("signature = ?", (bytes.fromhex(query.signature),))
    if query.external_id is not None:
        yield Sql("external_id = ?", (query.external_id,))
    if groups != EVERYTHING:
        yield Sql(f"+{in_groups(groups).text}", groups.values)  # By the plus, no index is read: candidates are given.
    for bounds in query.ranges:
        yield within(bounds)
    if query.expired is not None:
        expired = "(expired OR coalesce(expires <= ?, 0))"
        yield Sql(expired if query.expired else f"NOT {expired}", (now,))
    if (folder := folder_of(query)) is not None:
        yield in_folder(folder, query.recursive)
    for word in query.words:
        yield Sql("instr(text, ?) > 0", (needle(word),))
    for tag in query.tags:
        yield Sql("EXISTS (SELECT 1 FROM tags WHERE tags.tag = ? AND tags.id = entries.id)", (tag,))


def within(bounds: Range) -> Sql:
    parts = []
    if bounds.least is not None:
        parts.append(Sql(f"{bounds.column} >= ?", (bounds.least,)))
    if bounds.below is not None:
        parts.append(Sql(f"{bounds.column} < ?", (bounds.below,)))
    return both(parts)


def in_folder(folder: str, recursive: bool, column: str = "folder") -> Sql:
    if not recursive:
        return Sql(f"{column} = ?", (folder,))
    return Sql(f"({column} = ? OR ({column} >= ? AND {column} < ?))", (folder, *_below(folder)))


def _below(folder: str) -> tuple[str, str]:
    """Return the first text that can begin with a folder and a slash, and the first one behind all of them."""
    return f"{folder}/", f"{folder}{chr(ord('/') + 1)}"


def walked(query: Query) -> Sql:
    """Return the condition of the entries to walk through: all behind the cursor, and no others that the index of the
    order can leave out."""
    parts = [behind(query), *(within(bounds) for bounds in query.ranges if bounds.column == query.order)]
    if query.folder is not None and query.order == "unique_name":
        parts.append(Sql("unique_name >= ? AND unique_name < ?", _below(query.folder)))
    return both(parts)


def behind(query: Query, column: str = "") -> Sql:
    """Return what an entry behind the cursor fulfils. `column` has what entries are sorted by, if not their own."""
    if query.cursor is None:
        return EVERYTHING
    side = "<" if query.descending else ">"
    return Sql(f"({column or query.order}, tie) {side} (?, ?)", (query.cursor.value, query.cursor.tie))


def in_order(query: Query, column: str = "") -> str:
    """Return the order of the entries, as SQL."""
    way = "DESC" if query.descending else "ASC"
    return f"{column or query.order} {way}, tie {way}"


def runs(query: Query, kinds: frozenset[str], groups: Sql) -> Runs | None:
    """Return the runs of the entries that a search finds, None if there are none or none are of use.

    A walk from the last uploaded entry on could pass very many entries of other folders and groups.
    """
    if query.order != "uploaded":
        return None
    if kinds == {"groups"}:
        return Runs("grp", Sql(f"SELECT id FROM groups WHERE entries > 0 AND {groups.text}", groups.values))
    if kinds == {"folder"} and query.folder is not None:
        inside = in_folder(query.folder, query.recursive, "path")
        return Runs("folder", Sql(f"SELECT path FROM folders WHERE entries > 0 AND {inside.text}", inside.values))
    return None


def _entries(where: Sql) -> Sql:
    return Sql(f"SELECT id FROM entries WHERE {where.text}", where.values)


def both(parts: Sequence[Sql]) -> Sql:
    """Return the condition that all of some conditions are fulfilled."""
    found = EVERYTHING
    for part in parts:
        found = part if found == EVERYTHING else found & part
    return found
