"""What of a search can be counted without a look at each entry: its total, and its facets. Pure.

The tables of groups, folders and tags have counts (see ledger.py), and some indexes of SQLite have all columns that a
search compares. Such an index is read through only if it has few enough entries.
"""

from dataclasses import dataclass

from services.catalog.search.planner import (
    EVERYTHING,
    Sql,
    both,
    due,
    folder_count,
    group_count,
    in_folder,
    in_groups,
    namespace_of,
    within,
)
from services.catalog.search.query import Query

COUNT_MAX = 200_000
"""Rows of an index, or of a table of counts, that are read for one count: some 20 ms."""


@dataclass(frozen=True, slots=True)
class Count:
    """A selection that counts: one number, or the values of a facet with theirs. `reads` selects how many rows it
    reads, None for few."""

    sql: Sql
    reads: Sql | None = None


def total(query: Query, now: int, groups: Sql, kinds: frozenset[str]) -> tuple[tuple[int, Count], ...] | None:
    """Return the counts that make the total, each with its sign; None if there are none.

    `groups` is what is demanded of groups, and `kinds` are the kinds of conditions (see planner.py).
    """
    if kinds <= {"groups"}:
        return ((1, Count(group_count(groups))),)
    if kinds <= {"groups", "expired"}:
        late, marked = due(now), both([groups, Sql("groups.expired = ?", (query.expired is True,))])
        unmarked = Count(_entries(both([late, in_groups(groups)])), _at_most(late))
        return (1, Count(group_count(marked))), (1 if query.expired else -1, unmarked)
    if kinds == {"folder"} and query.folder is not None:
        return ((1, Count(folder_count(query.folder, query.recursive))),)
    if kinds == {"folder", "groups"}:
        place, reads = _place(query)
        return ((1, Count(_entries(both([place, in_groups(groups)])), reads)),)
    if kinds == {"ranges"} and len(query.ranges) == 1:
        bounds = within(query.ranges[0])
        return ((1, Count(_entries(bounds), _at_most(bounds))),)
    if kinds - {"groups"} == {"tags"} and len(query.tags) == 1 and _has_only_namespace(query, kinds - {"tags"}):
        where = both([Sql("tag = ?", query.tags), _of_namespace(query)])
        return ((1, Count(Sql(f"SELECT sum(entries) FROM tag_counts WHERE {where.text}", where.values))),)
    return None


def facet(name: str, query: Query, groups: Sql, kinds: frozenset[str]) -> Count | None:
    """Return the count of a facet, None if there is none."""
    place, reads = _place(query)
    found = both([place, in_groups(groups)]) if groups != EVERYTHING else place
    if name == "type" and kinds <= {"groups"}:
        return Count(
            Sql(
                f"SELECT type, sum(entries) FROM groups WHERE entries > 0 AND {groups.text} GROUP BY type",
                groups.values,
            )
        )
    if name == "type" and kinds <= {"groups", "folder"}:
        by_group = f"SELECT grp, count(*) AS number FROM entries WHERE {found.text} GROUP BY grp"
        joined = f"({by_group}) JOIN groups ON groups.id = grp"
        return Count(Sql(f"SELECT type, sum(number) FROM {joined} GROUP BY type", found.values), reads)
    if name == "folder" and (kinds <= {"folder"} or _has_only_namespace(query, kinds)):
        inside = in_folder(query.folder, query.recursive, "path") if query.folder is not None else EVERYTHING
        counts = f"SELECT path, entries FROM folders WHERE entries > 0 AND {inside.text}"
        return Count(Sql(counts, inside.values), Sql("SELECT count(*) FROM folders"))
    if name == "folder" and kinds <= {"groups", "folder"}:
        return Count(
            Sql(f"SELECT folder, count(*) FROM entries WHERE {found.text} GROUP BY folder", found.values), reads
        )
    if name == "tag" and _has_only_namespace(query, kinds):
        where = _of_namespace(query)
        return Count(
            Sql(f"SELECT tag, sum(entries) FROM tag_counts WHERE {where.text} GROUP BY tag", where.values),
            Sql("SELECT count(*) FROM tag_counts"),
        )
    return None


def _place(query: Query) -> tuple[Sql, Sql]:
    """Return the condition of the folder, and how many entries are in it."""
    if query.folder is None:
        return EVERYTHING, folder_count("", recursive=True)
    return in_folder(query.folder, query.recursive), folder_count(query.folder, query.recursive)


def _has_only_namespace(query: Query, kinds: frozenset[str]) -> bool:
    """Say whether the conditions are at most that of a namespace."""
    others = query.types or (query.orientation, query.colour, query.missing, query.expired) != (None,) * 4
    return kinds <= {"groups"} and not others


def _of_namespace(query: Query) -> Sql:
    namespace = namespace_of(query)
    return EVERYTHING if namespace is None else Sql("namespace = ?", (namespace,))


def _entries(where: Sql) -> Sql:
    return Sql(f"SELECT count(*) FROM entries WHERE {where.text}", where.values)


def _at_most(where: Sql) -> Sql:
    """Return the selection of the number of entries that fulfil a condition, up to COUNT_MAX + 1."""
    limited = f"SELECT 1 FROM entries WHERE {where.text} LIMIT {COUNT_MAX + 1}"
    return Sql(f"SELECT count(*) FROM ({limited})", where.values)
