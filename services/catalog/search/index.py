"""The index of the entries: one file of SQLite, with what searches compare and its trigrams.

It can be made again from Redis at any time. So a file of another layout, or one that is damaged, is removed and not
repaired. It holds the number of the last change that it has, and writes it in the same transaction as the rows.

The trigrams have no positions (`detail=none`), which takes a third of the room and of the time. A word is found by the
trigrams that it consists of, and `instr` decides.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from services.catalog.search import planner
from services.catalog.search.folders import Folder, Listing, Sums, above
from services.catalog.search.planner import NARROW_MAX, Narrow, Plan, Sql
from services.catalog.search.query import Cursor, Query
from services.catalog.search.row import Row

LAYOUT = 2
"""The number of this layout. A file with another one is made again."""
FACET_MAX = 50
"""Values that a facet lists, the most frequent ones."""
_PAGE_BYTES = 4096
_CACHE_BYTES = 16 * 1024 * 1024
_SUMS_MAX = 10_000
"""Folders whose sums are held in memory while an index is made."""
_COLUMNS = tuple(field.name for field in fields(Row) if field.name != "tags")
_INSERT = f"INSERT INTO entries (id, {', '.join(_COLUMNS)}) VALUES (?, {', '.join('?' * len(_COLUMNS))})"
_INSERT_WORDS = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_INSERT_TAG = "INSERT INTO tags (tag, id) VALUES (?, ?)"
_UPDATE = f"UPDATE entries SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"
_ADD_TO_FOLDER = (
    "INSERT INTO folders VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, "
    "bytes = bytes + excluded.bytes, all_entries = all_entries + excluded.all_entries, "
    "all_bytes = all_bytes + excluded.all_bytes"
)
_FOLDER = "SELECT path, entries, bytes, all_entries, all_bytes FROM folders"

_TABLES = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, unique_name TEXT NOT NULL, folder TEXT NOT NULL, type TEXT NOT NULL, width INTEGER,
    height INTEGER, colour TEXT, expired INTEGER NOT NULL, expires INTEGER, uploaded INTEGER NOT NULL,
    updated INTEGER NOT NULL, size INTEGER NOT NULL, external_id TEXT, signature TEXT NOT NULL, lacks INTEGER NOT NULL,
    tie INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE TABLE tags (tag TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tag, id)) WITHOUT ROWID;
CREATE TABLE folders (
    path TEXT PRIMARY KEY, parent TEXT, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, all_entries INTEGER NOT NULL,
    all_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX folders_inside ON folders (parent, path);
CREATE TABLE position (number INTEGER NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(text, content=entries, content_rowid=id, tokenize=trigram, detail=none);
"""
_INDEXES = """
CREATE UNIQUE INDEX by_name ON entries (unique_name, tie);
CREATE INDEX by_uploaded ON entries (uploaded, tie);
CREATE INDEX by_updated ON entries (updated, tie);
CREATE INDEX by_size ON entries (size, tie);
CREATE INDEX by_folder ON entries (folder);
CREATE INDEX by_signature ON entries (signature);
CREATE INDEX by_external_id ON entries (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX tags_of ON tags (id);
"""
_NOTES = """
CREATE TEMP TABLE candidates (driver INTEGER, id INTEGER, PRIMARY KEY (driver, id)) WITHOUT ROWID;
CREATE TEMP TABLE found (id INTEGER PRIMARY KEY);
"""
"""What a reader notes of one search: the entries of each driver, and those that are found."""
# A CROSS JOIN reads its left side first. SQLite would read all tags, because they are sorted already.
_FACETS = {
    "tag": "SELECT tag, count(*) FROM found CROSS JOIN tags USING (id) GROUP BY tag",
    "type": "SELECT type, count(*) FROM found CROSS JOIN entries USING (id) GROUP BY type",
    "folder": "SELECT folder, count(*) FROM found CROSS JOIN entries USING (id) GROUP BY folder",
}

Facets = dict[str, list[tuple[str, int]]]


class Full(Exception):
    """The index has reached its bound of bytes, or the disk is full."""


class Damaged(Exception):
    """The file is not an index of this layout, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search: paths of entries, the cursor of the next page, None on the last one.

    `total` and `facets` (value and number of entries, the most frequent ones first) are those of all pages if they are
    `exact`. Otherwise they count only the NARROW_MAX entries that were uploaded last.
    """

    names: list[str]
    cursor: Cursor | None
    total: int
    exact: bool
    facets: Facets


@contextmanager
def _errors_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise Full from error
        raise Damaged(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error


def _connect(path: Path, most_bytes: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_BYTES // 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA max_page_count = {most_bytes // _PAGE_BYTES}")
    return connection


class Writer:
    """The only one that writes to the file. Its methods raise Full and Damaged."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Open an index; raises Damaged if there is none."""
        if not path.exists():
            raise Damaged("there is no index")
        with _errors_named():
            self._connection = _connect(path, most_bytes)
            layout = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if layout != LAYOUT:
                self._connection.close()
                raise Damaged(f"its layout is {layout}, not {LAYOUT}")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self.position: int = self._connection.execute("SELECT number FROM position").fetchone()[0]

    def apply(self, changed: Iterable[tuple[str, Row | None]], position: int) -> None:
        """Write entries as they are now, None for those that are gone, up to a change."""
        sums = Sums()
        with _errors_named(), _transaction(self._connection):
            for name, row in changed:
                _replace(self._connection, name, row, sums)
            _add_to_folders(self._connection, sums)
            self._connection.execute("UPDATE position SET number = ?", (position,))
        self.position = position

    def close(self) -> None:
        self._connection.close()


class Builder:
    """Makes an index beside its final place. It counts only when it is complete: `finish` puts it there."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._new = path, path.with_suffix(".new")
        remove(self._path)  # It is of no use any more, and there may be no room for both.
        remove(self._new)
        with _errors_named():
            self._connection = _connect(self._new, most_bytes)
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_TABLES)
        self._count, self._sums = 0, Sums()

    def add(self, rows: Sequence[Row]) -> None:
        """Add entries that it does not have yet."""
        numbered = list(enumerate(rows, self._count + 1))
        with _errors_named(), _transaction(self._connection):
            self._connection.executemany(_INSERT, [(number, *_values(row)) for number, row in numbered])
            self._connection.executemany(_INSERT_WORDS, [(number, row.text) for number, row in numbered])
            self._connection.executemany(_INSERT_TAG, [(tag, number) for number, row in numbered for tag in row.tags])
            for row in rows:
                self._sums.add(row.folder, row.size)
            if len(self._sums) > _SUMS_MAX:
                _add_to_folders(self._connection, self._sums)
        self._count += len(rows)

    def finish(self, position: int) -> None:
        """Complete it and put it in its place."""
        with _errors_named():
            _add_to_folders(self._connection, self._sums)
            self._connection.executescript(_INDEXES)
            self._connection.execute("INSERT INTO position VALUES (?)", (position,))
            self._connection.execute(f"PRAGMA user_version = {LAYOUT}")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.close()
        with self._new.open("rb") as made:
            os.fsync(made.fileno())
        self._new.rename(self._path)

    def abandon(self) -> None:
        """Remove what has been made."""
        self._connection.close()
        remove(self._new)


class Reader:
    """Answers searches, one at a time. Its methods raise Damaged."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        with _errors_named():
            self._connection = _connect(path, most_bytes)
            self._connection.executescript(_NOTES)

    def find(self, query: Query, now: float | None = None) -> Found:
        """Answer a search. All of it is of one state of the index. `now` is seconds since 1970."""
        moment = int((time.time() if now is None else now) * 1000)
        with _errors_named(), _transaction(self._connection):
            plan, condition = planner.choose(self._counted(query)), planner.condition(query, moment)
            total, exact = self._collect(plan, query, condition)
            facets: Facets = {name: self._facet(name) for name in query.facets}
            page = self._narrow_page(query) if isinstance(plan, Narrow) else self._wide_page(query, condition)
        names, cursor = page
        return Found(names, cursor, total, exact, facets)

    def folders(self, path: str, after: str, limit: int) -> Listing:
        """Return a folder with up to `limit` folders directly in it, those whose paths are behind `after`."""
        inside = f"{_FOLDER} WHERE parent = ? AND path > ? ORDER BY path LIMIT ?"
        with _errors_named(), _transaction(self._connection):
            itself = self._connection.execute(f"{_FOLDER} WHERE path = ?", (path,)).fetchone()
            found = self._connection.execute(inside, (path, after, limit)).fetchall()
        return Listing(Folder(*itself) if itself else Folder(path, 0, 0, 0, 0), [Folder(*one) for one in found])

    def close(self) -> None:
        self._connection.close()

    def _counted(self, query: Query) -> list[int]:
        """Note the entries of each driver, up to NARROW_MAX + 1, and return their numbers."""
        self._connection.execute("DELETE FROM candidates")
        return [
            self._connection.execute(
                f"INSERT INTO candidates SELECT {number}, id FROM ({driver.text} LIMIT {NARROW_MAX + 1})", driver.values
            ).rowcount
            for number, driver in enumerate(planner.drivers(query))
        ]

    def _collect(self, plan: Plan, query: Query, condition: Sql) -> tuple[int, bool]:
        """Note the candidates that are found in the table `found`; return their number and whether these are all."""
        self._connection.execute("DELETE FROM found")
        if isinstance(plan, Narrow):
            return self._note(Sql("SELECT id FROM candidates WHERE driver = ?", (plan.driver,)), condition), True
        count = self._count()
        exact = query.is_everything or count <= NARROW_MAX
        if query.is_everything and not query.facets:
            return count, exact
        newest = Sql(f"SELECT id FROM entries ORDER BY uploaded DESC, tie DESC LIMIT {NARROW_MAX}")
        found = self._note(newest, condition)
        return (count if query.is_everything else found), exact

    def _count(self) -> int:
        found = self._connection.execute("SELECT all_entries FROM folders WHERE path = ''").fetchone()
        return int(found[0]) if found else 0

    def _note(self, source: Sql, condition: Sql) -> int:
        return self._connection.execute(
            f"INSERT INTO found SELECT entries.id FROM ({source.text}) AS candidates CROSS JOIN entries USING (id) "
            f"WHERE {condition.text}",
            (*source.values, *condition.values),
        ).rowcount

    def _facet(self, name: str) -> list[tuple[str, int]]:
        return self._connection.execute(f"{_FACETS[name]} ORDER BY 2 DESC, 1 LIMIT {FACET_MAX}").fetchall()

    def _narrow_page(self, query: Query) -> tuple[list[str], Cursor | None]:
        behind = planner.behind(query)
        found = self._connection.execute(
            f"SELECT unique_name, {query.order}, tie FROM found CROSS JOIN entries USING (id) WHERE {behind.text} "
            f"ORDER BY {planner.in_order(query)} LIMIT {query.limit + 1}",
            behind.values,
        ).fetchall()
        return _page(found, query.limit)

    def _wide_page(self, query: Query, condition: Sql) -> tuple[list[str], Cursor | None]:
        """Return the page, and where to go on if it has fewer entries because enough have been looked at."""
        behind, order = planner.behind(query), planner.in_order(query)
        walked = f"FROM entries WHERE {behind.text} ORDER BY {order}"
        found = self._connection.execute(
            f"SELECT unique_name, {query.order}, tie FROM (SELECT * {walked} LIMIT {NARROW_MAX}) AS entries "
            f"WHERE {condition.text} LIMIT {query.limit + 1}",
            (*behind.values, *condition.values),
        ).fetchall()
        names, cursor = _page(found, query.limit)
        if cursor is None:
            last = f"SELECT {query.order}, tie {walked} LIMIT 1 OFFSET {NARROW_MAX - 1}"
            end = self._connection.execute(last, behind.values).fetchone()
            cursor = Cursor(*end) if end else None
        return names, cursor


def remove(path: Path) -> None:
    """Remove an index, and the files that SQLite has beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _page(found: list[tuple[str, str | int, int]], limit: int) -> tuple[list[str], Cursor | None]:
    """Return the names of a page, and its end if there is an entry behind it."""
    page = found[:limit]
    return [name for name, _, _ in page], Cursor(*page[-1][1:]) if len(found) > limit else None


def _values(row: Row) -> tuple[str | int | None, ...]:
    return tuple(map(row.__getattribute__, _COLUMNS))


def _add_to_folders(connection: sqlite3.Connection, sums: Sums) -> None:
    folders = sums.taken()
    connection.executemany(
        _ADD_TO_FOLDER,
        [
            (one.path, next(above(one.path), None), one.entries, one.bytes, one.all_entries, one.all_bytes)
            for one in folders
        ],
    )
    fewer = [(one.path,) for one in folders if one.all_entries < 0]
    connection.executemany("DELETE FROM folders WHERE path = ? AND all_entries = 0", fewer)


def _replace(connection: sqlite3.Connection, name: str, row: Row | None, sums: Sums) -> None:
    old = connection.execute("SELECT id, text, folder, size FROM entries WHERE unique_name = ?", (name,)).fetchone()
    number, text, *place = old or (None, None)
    if old is not None:
        sums.remove(*place)
    if row is not None:
        sums.add(row.folder, row.size)
    if row is not None and old is not None:
        connection.execute(_UPDATE, (*_values(row), number))
    elif row is not None:
        number = connection.execute(_INSERT, (None, *_values(row))).lastrowid
    elif old is not None:
        connection.execute("DELETE FROM entries WHERE id = ?", (number,))
    if old is not None:
        connection.execute("DELETE FROM tags WHERE id = ?", (number,))
    if row is not None:
        connection.executemany(_INSERT_TAG, [(tag, number) for tag in row.tags])
    if old is not None and (row is None or row.text != text):
        connection.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (number, text))
    if row is not None and row.text != text:
        connection.execute(_INSERT_WORDS, (number, row.text))
