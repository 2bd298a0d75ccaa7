"""Writing an index: made as a whole, or changed where it is.

It holds the number of the last change that it has, and writes it in the same transaction as the rows.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from services.catalog.search.file import INDEXES, LAYOUT, TABLES, Damaged, connect, errors_named, remove, transaction
from services.catalog.search.ledger import Ledger
from services.catalog.search.row import Row

LOOSE_MAX = 500
"""Entries whose text may wait to be indexed (see file.py)."""
_CHECKPOINT_PAGES = 4000
_, *_OF_ROW, _ = Row._fields
_COLUMNS = ("grp", "expired", *_OF_ROW)
_OLD = f"SELECT id, {', '.join(_COLUMNS)} FROM entries WHERE unique_name = ?"
_INSERT = f"INSERT INTO entries (id, {', '.join(_COLUMNS)}) VALUES (?, {', '.join('?' * len(_COLUMNS))})"
_INSERT_WORDS = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_DELETE_WORDS = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
_INSERT_TAG = "INSERT INTO tags (tag, id) VALUES (?, ?)"


class Writer:
    """The only one that writes to the file. Its methods raise Full and Damaged."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Open an index; raises Damaged if there is none."""
        if not path.exists():
            raise Damaged("there is no index")
        with errors_named():
            self._connection = connect(path, most_bytes)
            layout = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if layout != LAYOUT:
                self._connection.close()
                raise Damaged(f"its layout is {layout}, not {LAYOUT}")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self.position: int = self._connection.execute("SELECT number FROM position").fetchone()[0]
        self._ledger = Ledger(self._connection)

    def apply(self, changed: Iterable[tuple[str, Row | None]], position: int) -> None:
        """Write entries as they are now, None for those that are gone, up to a change."""
        try:
            with errors_named(), transaction(self._connection):
                for name, row in changed:
                    _replace(self._connection, self._ledger, name, row)
                self._ledger.write()
                if self._connection.execute("SELECT count(*) FROM loose").fetchone()[0] > LOOSE_MAX:
                    _index_loose(self._connection)
                self._connection.execute("UPDATE position SET number = ?", (position,))
        except BaseException:
            self._ledger = Ledger(self._connection)
            raise
        self.position = position

    def close(self) -> None:
        self._connection.close()


class Builder:
    """Makes an index under another name. It counts only when it is complete: `finish` gives it its own."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._new = path, path.with_suffix(".new")
        remove(self._path)  # It is of no use any more, and there may be no room for both.
        remove(self._new)
        with errors_named():
            self._connection = connect(self._new, most_bytes)
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA temp_store = FILE")  # What is sorted for the indexes is large.
            self._connection.executescript(TABLES)
            self._connection.execute("BEGIN")
        self._count, self._ledger = 0, Ledger(self._connection)

    def add(self, rows: Sequence[Row]) -> None:
        """Add entries that it does not have yet."""
        numbered, ledger = list(enumerate(rows, self._count + 1)), self._ledger
        with errors_named():
            groups = [ledger.group(row.group) for row in rows]
            both = zip(numbered, groups, strict=True)
            self._connection.executemany(_INSERT, [(number, *_values(row, group)) for (number, row), group in both])
            self._connection.executemany(_INSERT_WORDS, [(number, row.text) for number, row in numbered])
            self._connection.executemany(_INSERT_TAG, [(tag, number) for number, row in numbered for tag in row.tags])
            for row, group in zip(rows, groups, strict=True):
                ledger.add(row.folder, row.size, group)
                ledger.tag(row.group.namespace, row.tags, 1)
            if ledger.is_long:
                ledger.write()
        self._count += len(rows)

    def finish(self, position: int) -> None:
        """Complete it and put it in its place."""
        with errors_named():
            self._ledger.write()
            self._connection.execute("INSERT INTO position VALUES (?)", (position,))
            self._connection.execute("COMMIT")
            self._connection.executescript(INDEXES)
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


def _values(row: Row, group: int) -> tuple[str | int | bytes | None, ...]:
    return group, row.group.expired, *row[1:-1]


def _replace(connection: sqlite3.Connection, ledger: Ledger, name: str, row: Row | None) -> None:
    found = connection.execute(_OLD, (name,)).fetchone()
    number, old = (found[0], dict(zip(_COLUMNS, found[1:], strict=True))) if found else (None, {})
    new: dict[str, Any] = {}
    if old:
        ledger.remove(old["folder"], old["size"], old["grp"])
    if row:
        group = ledger.group(row.group)
        ledger.add(row.folder, row.size, group)
        new = dict(zip(_COLUMNS, _values(row, group), strict=True))
    if not new:
        connection.execute("DELETE FROM entries WHERE id = ?", (number,))
    elif not old:
        number = connection.execute(_INSERT, (None, *new.values())).lastrowid
    elif changed := {column: value for column, value in new.items() if value != old[column]}:
        columns = ", ".join(f"{column} = ?" for column in changed)
        connection.execute(f"UPDATE entries SET {columns} WHERE id = ?", (*changed.values(), number))
    if number is None:
        return
    if old.get("text") != new.get("text"):
        connection.execute("INSERT OR IGNORE INTO loose VALUES (?, ?)", (number, old.get("text")))
    _replace_tags(connection, ledger, number, name, row.tags if row else ())


def _replace_tags(connection: sqlite3.Connection, ledger: Ledger, number: int, name: str, tags: Sequence[str]) -> None:
    old = [tag for (tag,) in connection.execute("SELECT tag FROM tags WHERE id = ?", (number,))]
    if set(old) != set(tags):
        namespace = name[1:].partition("/")[0]
        ledger.tag(namespace, old, -1)
        ledger.tag(namespace, tags, 1)
        connection.execute("DELETE FROM tags WHERE id = ?", (number,))
        connection.executemany(_INSERT_TAG, [(tag, number) for tag in tags])


def _index_loose(connection: sqlite3.Connection) -> None:
    """Index the texts of all loose entries, those that are gone included."""
    found = connection.execute("SELECT id, indexed, text FROM loose LEFT JOIN entries USING (id)").fetchall()
    changed = [(number, indexed, text) for number, indexed, text in found if indexed != text]
    connection.executemany(_DELETE_WORDS, [(number, old) for number, old, _ in changed if old is not None])
    connection.executemany(_INSERT_WORDS, [(number, new) for number, _, new in changed if new is not None])
    connection.execute("DELETE FROM loose")
