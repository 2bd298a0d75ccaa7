"""The file of an index: one database of SQLite, its tables, and its bounds.

It can be made again from Redis at any time. So a file of another layout, or one that is damaged, is removed and not
repaired.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LAYOUT = 5
"""The number of this layout. A file with another one is made again."""
_PAGE_BYTES = 4096
_CACHE_BYTES = 8 * 1024 * 1024

TABLES = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, unique_name TEXT NOT NULL, folder TEXT NOT NULL, grp INTEGER NOT NULL, width INTEGER,
    height INTEGER, expired INTEGER NOT NULL, expires INTEGER, visible INTEGER, uploaded INTEGER NOT NULL,
    updated INTEGER NOT NULL, size INTEGER NOT NULL, external_id TEXT, signature BLOB NOT NULL, tie INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE groups (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, type TEXT NOT NULL, shape TEXT NOT NULL, colour TEXT NOT NULL,
    lacks INTEGER NOT NULL, expired INTEGER NOT NULL, entries INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, type, shape, colour, lacks, expired)
);
CREATE TABLE folders (
    path TEXT PRIMARY KEY, parent TEXT, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, all_entries INTEGER NOT NULL,
    all_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX folders_inside ON folders (parent, path);
CREATE TABLE tags (tag TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tag, id)) WITHOUT ROWID;
CREATE TABLE tag_counts (
    tag TEXT NOT NULL, namespace TEXT NOT NULL, entries INTEGER NOT NULL, PRIMARY KEY (tag, namespace)
) WITHOUT ROWID;
CREATE TABLE loose (id INTEGER PRIMARY KEY, indexed TEXT);
CREATE TABLE position (number INTEGER NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(text, content=entries, content_rowid=id, tokenize=trigram, detail=none);
"""
"""The trigrams have no positions (`detail=none`), which takes a third of the room and of the time. A word is found by
the trigrams that it consists of, and `instr` decides.

`loose` has the entries whose text is not yet in `words` as it is, and the text that `words` has of them: many texts
together cost a tenth of what each costs alone. A search looks at all loose entries."""
INDEXES = """
CREATE UNIQUE INDEX by_name ON entries (unique_name);
CREATE INDEX by_uploaded ON entries (uploaded, tie);
CREATE INDEX by_updated ON entries (updated, tie);
CREATE INDEX by_size ON entries (size, tie);
CREATE INDEX by_expires ON entries (expires, tie) WHERE expires IS NOT NULL;
CREATE INDEX by_visible ON entries (visible, tie) WHERE visible IS NOT NULL;
CREATE INDEX by_width ON entries (width) WHERE width IS NOT NULL;
CREATE INDEX by_height ON entries (height) WHERE height IS NOT NULL;
CREATE INDEX by_group ON entries (grp, uploaded, tie);
CREATE INDEX by_folder ON entries (folder, uploaded, tie, grp);
CREATE INDEX by_signature ON entries (signature);
CREATE INDEX by_external_id ON entries (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX due ON entries (expires) WHERE expires IS NOT NULL AND expired = 0;
CREATE INDEX tags_of ON tags (id);
"""


class Full(Exception):
    """The index has reached its bound of bytes, or the disk is full."""


class Damaged(Exception):
    """The file is not an index of this layout, or it cannot be read."""


@contextmanager
def errors_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise Full from error
        raise Damaged(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error


def connect(path: Path, most_bytes: int, wait_seconds: float = 5.0) -> sqlite3.Connection:
    """Open a file; a statement waits up to `wait_seconds` for the locks of others."""
    connection = sqlite3.connect(path, wait_seconds, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_BYTES // 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA max_page_count = {most_bytes // _PAGE_BYTES}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def size_of(path: Path) -> int:
    """Return the bytes of an index, with those of its log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def remove(path: Path) -> None:
    """Remove an index, and the files that SQLite has beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
