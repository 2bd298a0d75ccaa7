"""Stored bytes that have been checked already, held as long as nothing has touched their file."""

import time
from collections import OrderedDict

from services.core.assets.entries import Entry
from services.core.storage import Storage

MOST = 16 * 1024 * 1024
"""Bytes that one process holds."""
_SETTLED_NS = 1_000_000_000
"""A file that was changed so lately may be changed once more without a trace: file systems have coarse clocks."""

Mark = tuple[int, ...]


class Kept:
    """The bytes that were asked for last. They are in memory and were right: checking them again finds nothing new.

    What is asked again each time is whether the file is still the same one, unchanged: one that is gone, or damaged, is
    noticed at once. Only a storage that can say so without waiting (local files) has its bytes kept.
    """

    def __init__(self, storage: Storage, most: int = MOST) -> None:
        self._storage, self._most = storage, most
        self._held: OrderedDict[str, tuple[Mark, str, bytes]] = OrderedDict()
        self._size = 0

    def find(self, entry: Entry) -> bytes | None:
        """Return the bytes of an entry if they are held and their file is as it was."""
        held = self._held.get(entry.storage_key)
        if held is None:
            return None
        mark, signature, content = held
        if signature != entry.signature or mark != self._storage.mark(entry.storage_key):
            self._drop(entry.storage_key)
            return None
        self._held.move_to_end(entry.storage_key)
        return content

    def before_reading(self, entry: Entry) -> Mark | None:
        """Return what `keep` wants to know: the mark of the file before its bytes are read."""
        mark = self._storage.mark(entry.storage_key)
        return mark if mark and max(mark[-2:]) < time.time_ns() - _SETTLED_NS else None

    def keep(self, entry: Entry, mark: Mark | None, content: bytes) -> None:
        """Hold bytes that have been checked, and drop those that nobody has asked for the longest."""
        if mark is None or len(content) > self._most // 4 or mark != self._storage.mark(entry.storage_key):
            return
        self._drop(entry.storage_key)
        self._held[entry.storage_key] = (mark, entry.signature, content)
        self._size += len(content)
        while self._size > self._most:
            self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._size -= len(held[2])
