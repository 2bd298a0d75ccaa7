"""Reading an index: the answers to searches."""

import heapq
import itertools
import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from services.catalog.search import counting, planner
from services.catalog.search.counting import Count
from services.catalog.search.file import connect, errors_named, transaction
from services.catalog.search.folders import Folder, Listing
from services.catalog.search.planner import Sql
from services.catalog.search.query import Cursor, Query
from services.catalog.search.row import signature_of
from services.core.jobs.action_lists import Item

FACET_MAX = 50
"""Values that a facet lists, the most frequent ones."""
WALK_MAX = 10_000
"""Entries that are looked at for a page, if those that are found are frequent."""
SAMPLE_MAX = 5000
"""Entries that are looked at for a total, or a facet, that would take too long to count."""
RUNS_MAX = 500
SAME_MAX = 100
SAME_READ_MAX = 2000
"""Entries with one signature that are looked at: some 3 ms."""
_SAME = "SELECT unique_name FROM entries WHERE signature = ? LIMIT ?"
_NOTES = """
CREATE TEMP TABLE candidates (driver INTEGER, id INTEGER, PRIMARY KEY (driver, id)) WITHOUT ROWID;
CREATE TEMP TABLE found (id INTEGER PRIMARY KEY, grp INTEGER, place, tie INTEGER);
"""
"""What a reader notes of one search: the entries of drivers that have no count, and those that are found, with what
they are sorted by (`place` and `tie`)."""
_FOLDER = "SELECT path, entries, bytes, all_entries, all_bytes FROM folders"
_LATE = "SELECT EXISTS (SELECT 1 FROM entries WHERE expires <= ? AND expired = 0)"
# A CROSS JOIN reads its left side first. SQLite would read all tags, because they are sorted already.
_FACETS = {
    "tag": "SELECT tag, count(*) FROM found CROSS JOIN tags USING (id) GROUP BY tag",
    "type": "SELECT type, sum(number) FROM (SELECT grp, count(*) AS number FROM found GROUP BY grp) "
    "JOIN groups ON groups.id = grp GROUP BY type",
    "folder": "SELECT folder, count(*) FROM found CROSS JOIN entries USING (id) GROUP BY folder",
}

Facets = dict[str, list[tuple[str, int]]]
Page = tuple[list[str], Cursor | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search: paths of entries, the cursor of the next page, None on the last one.

    `total` and `facets` (value and number of entries, the most frequent ones first) are those of all pages. If the
    total or a facet is not exact, it counts only what is found among the SAMPLE_MAX entries that were uploaded last.
    """

    names: list[str]
    cursor: Cursor | None
    total: int
    total_exact: bool
    facets: Facets
    facets_exact: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search with what follows from it."""

    query: Query
    now: int
    groups: Sql
    kinds: frozenset[str]
    condition: Sql


class Reader:
    """Answers searches, one at a time. Its methods raise Damaged."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        with errors_named():
            self._connection = connect(path, most_bytes)
            self._connection.executescript(_NOTES)

    def find(self, query: Query, now: float | None = None) -> Found:
        """Answer a search. All of it is of one state of the index. `now` is seconds since 1970."""
        with errors_named(), transaction(self._connection):
            asked = self._asked(query, now)
            candidates = self._driver(asked)
            return self._narrow(asked, candidates) if candidates else self._wide(asked)

    def named(
        self, query: Query, most: int, now: float | None = None, namespaces: Collection[str] | None = None
    ) -> list[Item]:
        """Return entries that are found, up to `most`, in no order. `now` is seconds since 1970.

        With `namespaces`, only entries in these count.
        """
        with errors_named(), transaction(self._connection):
            asked = self._asked(query, now)
            condition = asked.condition
            if namespaces is not None:
                within = planner.in_groups(Sql(f"namespace IN ({', '.join('?' * len(namespaces))})", (*namespaces,)))
                # By the plus, no index is read: candidates are given.
                condition = planner.both([condition, Sql(f"+{within.text}", within.values)])
            source = self._driver(asked) or Sql("SELECT id FROM entries")
            found = self._connection.execute(
                f"SELECT unique_name, updated FROM ({source.text}) AS candidates CROSS JOIN entries USING (id) "
                f"WHERE {condition.text} LIMIT {most}",
                (*source.values, *condition.values),
            )
            return [Item(*one) for one in found]

    def folders(self, path: str, after: str, limit: int) -> Listing:
        """Return a folder with up to `limit` folders directly in it, those whose paths are behind `after`."""
        inside = f"{_FOLDER} WHERE parent = ? AND path > ? ORDER BY path LIMIT ?"
        with errors_named(), transaction(self._connection):
            itself = self._connection.execute(f"{_FOLDER} WHERE path = ?", (path,)).fetchone()
            found = self._connection.execute(inside, (path, after, limit)).fetchall()
        return Listing(Folder(*itself) if itself else Folder(path, 0, 0, 0, 0), [Folder(*one) for one in found])

    def close(self) -> None:
        self._connection.close()

    def _asked(self, query: Query, now: float | None) -> _Asked:
        moment = int((time.time() if now is None else now) * 1000)
        marked = query.expired is None or not self._number(Sql(_LATE, (moment,)))
        groups = planner.group_condition(query, marked=marked)
        kinds = planner.kinds_of(query, marked=marked)
        return _Asked(query, moment, groups, kinds, planner.condition(query, moment, groups))

    def _driver(self, asked: _Asked) -> Sql | None:
        """Return the entries of the driver with the fewest, None if all have very many."""
        self._connection.execute("DELETE FROM candidates")
        counts: list[int] = []
        candidates: list[Sql] = []
        for number, driver in enumerate(planner.drivers(asked.query, asked.now, asked.groups)):
            counts.append(self._number(driver.count) if driver.count else self._note_candidates(number, driver.ids))
            noted = Sql("SELECT id FROM candidates WHERE driver = ?", (number,))
            candidates.append(driver.ids if driver.count else noted)
            if counts[-1] <= planner.FEW:
                break
        words = [word for word in asked.query.words if planner.match([word])]
        if planner.choose(counts) is None and len(words) > 1:
            # Each word is frequent, but entries with all of them may be few.
            counts.append(self._note_candidates(len(counts), planner.with_words(words).ids))
            candidates.append(Sql("SELECT id FROM candidates WHERE driver = ?", (len(counts) - 1,)))
        chosen = planner.choose(counts)
        return None if chosen is None else candidates[chosen]

    def _note_candidates(self, driver: int, ids: Sql) -> int:
        """Note the entries of a driver, up to NARROW_MAX + 1, and return their number."""
        limited = f"SELECT {driver}, id FROM ({ids.text} LIMIT {planner.NARROW_MAX + 1})"
        return self._connection.execute(f"INSERT OR IGNORE INTO candidates {limited}", ids.values).rowcount

    def _narrow(self, asked: _Asked, candidates: Sql) -> Found:
        """Look at all entries of a driver."""
        total, query, behind = self._note(candidates, asked), asked.query, planner.behind(asked.query, "place")
        facets = {name: self._most(Sql(_FACETS[name])) for name in query.facets}
        found = self._connection.execute(
            f"SELECT unique_name, place, tie FROM (SELECT id, place, tie FROM found WHERE {behind.text} "
            f"ORDER BY {planner.in_order(query, 'place')} LIMIT {query.limit + 1}) "
            "CROSS JOIN (SELECT id, unique_name FROM entries) USING (id)",
            behind.values,
        ).fetchall()
        return Found(*_page(found, query.limit), total, True, facets, True)

    def _wide(self, asked: _Asked) -> Found:
        """Look at the first entries of the order, and count the others as far as that takes little time."""
        names, cursor = self._merged_page(asked) or self._walked_page(asked)
        total, facets = self._total(asked), {name: self._facet(name, asked) for name in asked.query.facets}
        exact = total is not None, None not in facets.values()
        if not all(exact):
            newest = f"SELECT id FROM entries ORDER BY uploaded DESC, tie DESC LIMIT {SAMPLE_MAX}"
            sampled = self._note(Sql(newest), asked)
            total = sampled if total is None else total
        counted = {
            name: self._most(Sql(_FACETS[name])) if values is None else values for name, values in facets.items()
        }
        return Found(names, cursor, total or 0, exact[0], counted, exact[1])

    def _note(self, source: Sql, asked: _Asked) -> int:
        """Note those of some entries that are found, and return their number."""
        self._connection.execute("DELETE FROM found")
        return self._connection.execute(
            f"INSERT OR IGNORE INTO found SELECT entries.id, grp, {asked.query.order}, tie "
            f"FROM ({source.text}) AS candidates "
            f"CROSS JOIN entries USING (id) WHERE {asked.condition.text}",
            (*source.values, *asked.condition.values),
        ).rowcount

    def _total(self, asked: _Asked) -> int | None:
        counts = counting.total(asked.query, asked.now, asked.groups, asked.kinds)
        if counts is None or not all(self._is_cheap(count) for _, count in counts):
            return None
        return sum(sign * self._number(count.sql) for sign, count in counts)

    def _facet(self, name: str, asked: _Asked) -> list[tuple[str, int]] | None:
        count = counting.facet(name, asked.query, asked.groups, asked.kinds)
        return self._most(count.sql) if count and self._is_cheap(count) else None

    def _is_cheap(self, count: Count) -> bool:
        return count.reads is None or self._number(count.reads) <= counting.COUNT_MAX

    def _most(self, facet: Sql) -> list[tuple[str, int]]:
        return self._connection.execute(f"{facet.text} ORDER BY 2 DESC, 1 LIMIT {FACET_MAX}", facet.values).fetchall()

    def _number(self, selection: Sql) -> int:
        found = self._connection.execute(selection.text, selection.values).fetchone()
        return found[0] or 0 if found else 0

    def _merged_page(self, asked: _Asked) -> Page | None:
        """Return the page of entries that are in few runs, each of which is sorted as wanted."""
        query, behind = asked.query, planner.behind(asked.query)
        runs = planner.runs(query, asked.kinds, asked.groups)
        if runs is None:
            return None
        values = self._connection.execute(f"{runs.values.text} LIMIT {RUNS_MAX + 1}", runs.values.values).fetchall()
        if len(values) > RUNS_MAX:
            return None
        run = f"SELECT {query.order}, tie, id FROM entries WHERE {runs.column} = ? AND {behind.text} "
        run += f"ORDER BY {planner.in_order(query)} LIMIT {query.limit + 1}"
        merged = heapq.merge(
            *(self._connection.execute(run, (*value, *behind.values)) for value in values), reverse=query.descending
        )
        found = [
            (self._connection.execute("SELECT unique_name FROM entries WHERE id = ?", (number,)).fetchone()[0], *place)
            for *place, number in itertools.islice(merged, query.limit + 1)
        ]
        return _page(found, query.limit)

    def _walked_page(self, asked: _Asked) -> Page:
        """Return the page, and where to go on if it has fewer entries because enough have been looked at."""
        query, walked = asked.query, planner.walked(asked.query)
        walk = f"FROM entries WHERE {walked.text} ORDER BY {planner.in_order(query)}"
        found = self._connection.execute(
            f"SELECT unique_name, {query.order}, tie FROM (SELECT * {walk} LIMIT {WALK_MAX}) AS entries "
            f"WHERE {asked.condition.text} LIMIT {query.limit + 1}",
            (*walked.values, *asked.condition.values),
        ).fetchall()
        names, cursor = _page(found, query.limit)
        if cursor is None:
            last = f"SELECT {query.order}, tie {walk} LIMIT 1 OFFSET {WALK_MAX - 1}"
            end = self._connection.execute(last, walked.values).fetchone()
            cursor = Cursor(*end) if end else None
        return names, cursor


class Signatures:
    """Looks up entries by their signature, in so little time that it needs no thread: some 10 microseconds.

    It waits for no lock. `names` raises Damaged, also if it would have to wait.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        with errors_named():
            self._connection = connect(path, most_bytes, 0)

    def names(self, signature: str, wanted: Callable[[str], bool]) -> list[str]:
        """Return the wanted ones of the paths of entries with a signature: up to SAME_MAX, of the first SAME_READ_MAX
        entries."""
        values = signature_of(signature), SAME_READ_MAX
        with errors_named(), closing(self._connection.execute(_SAME, values)) as found:
            return list(itertools.islice((name for (name,) in found if wanted(name)), SAME_MAX))

    def close(self) -> None:
        self._connection.close()


def _page(found: list[tuple[str, str | int, int]], limit: int) -> Page:
    """Return the names of a page, and its end if there is an entry behind it."""
    page = found[:limit]
    return [name for name, _, _ in page], Cursor(*page[-1][1:]) if len(found) > limit else None
