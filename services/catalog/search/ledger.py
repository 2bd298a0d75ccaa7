"""The counts of the index: of each folder, group and tag. They are written in the same transaction as the entries.

A *group* is all entries of which the index has the same namespace, type, shape, colour, empty fields and expired flag.
There are few groups, so a sum over groups takes little time for any number of entries.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable

from services.catalog.search.folders import Sums, above
from services.catalog.search.row import Group

_GROUPS_KNOWN_MAX = 20_000
_HELD_MAX = 10_000
_ADD_TO_FOLDER = (
    "INSERT INTO folders VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, "
    "bytes = bytes + excluded.bytes, all_entries = all_entries + excluded.all_entries, "
    "all_bytes = all_bytes + excluded.all_bytes"
)
_ADD_TO_TAG = "INSERT INTO tag_counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries"
_GROUP = "namespace = ? AND type = ? AND shape = ? AND colour = ? AND lacks = ? AND expired = ?"


class Ledger:
    """What changes of entries add to the counts. It is kept in memory until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[Group, int] = {}
        self._folders, self._groups, self._tags = Sums(), Counter[int](), Counter[tuple[str, str]]()

    def group(self, group: Group) -> int:
        """Return the id of a group, which is made if there is none."""
        known = self._known.get(group)
        if known is None:
            if len(self._known) == _GROUPS_KNOWN_MAX:
                self._known.clear()
            known = self._known[group] = self._found(group)
        return known

    def add(self, folder: str, size: int, group: int) -> None:
        self._folders.add(folder, size)
        self._groups[group] += 1

    def remove(self, folder: str, size: int, group: int) -> None:
        self._folders.remove(folder, size)
        self._groups[group] -= 1

    def tag(self, namespace: str, tags: Iterable[str], by: int) -> None:
        """Count `by` more entries with each tag, fewer if it is negative."""
        for tag in tags:
            self._tags[tag, namespace] += by

    @property
    def is_long(self) -> bool:
        return max(len(self._folders), len(self._groups), len(self._tags)) > _HELD_MAX

    def write(self) -> None:
        folders, connection = self._folders.taken(), self._connection
        connection.executemany(
            _ADD_TO_FOLDER,
            [
                (one.path, next(above(one.path), None), one.entries, one.bytes, one.all_entries, one.all_bytes)
                for one in folders
            ],
        )
        fewer = [(one.path,) for one in folders if one.all_entries < 0]
        connection.executemany("DELETE FROM folders WHERE path = ? AND all_entries = 0", fewer)
        tags = [(*key, number) for key, number in self._tags.items() if number]
        connection.executemany(_ADD_TO_TAG, tags)
        gone = [(tag, namespace) for tag, namespace, number in tags if number < 0]
        connection.executemany("DELETE FROM tag_counts WHERE tag = ? AND namespace = ? AND entries = 0", gone)
        groups = [(number, group) for group, number in self._groups.items() if number]
        connection.executemany("UPDATE groups SET entries = entries + ? WHERE id = ?", groups)
        emptied = [(group,) for number, group in groups if number < 0]
        if connection.executemany("DELETE FROM groups WHERE id = ? AND entries = 0", emptied).rowcount > 0:
            self._known.clear()
        self._groups.clear()
        self._tags.clear()

    def _found(self, group: Group) -> int:
        found = self._connection.execute(f"SELECT id FROM groups WHERE {_GROUP}", group).fetchone()
        if found:
            return int(found[0])
        added = self._connection.execute(
            "INSERT INTO groups (namespace, type, shape, colour, lacks, expired) VALUES (?, ?, ?, ?, ?, ?)", group
        )
        return int(added.lastrowid or 0)
