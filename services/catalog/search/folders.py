"""The folders that have entries, and how much is in them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder such as /DEV/shop. A namespace is one, and the whole catalog is the folder "".

    `entries` and `bytes` (the sum of `size`) are of its own entries, `all_entries` and `all_bytes` also of those in the
    folders below.
    """

    path: str
    entries: int
    bytes: int
    all_entries: int
    all_bytes: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder, and some of the folders directly in it, by their paths."""

    folder: Folder
    inside: list[Folder]


def above(path: str) -> Iterator[str]:
    """Yield the folders that a folder is in, the nearest one first."""
    while path:
        path = path.rpartition("/")[0]
        yield path


class Sums:
    """What entries that come and go add to their folders, and to all folders that these are in."""

    def __init__(self) -> None:
        self._own: dict[str, tuple[int, int]] = {}

    def add(self, path: str, size: int) -> None:
        entries, total = self._own.get(path, (0, 0))
        self._own[path] = entries + 1, total + size

    def remove(self, path: str, size: int) -> None:
        entries, total = self._own.get(path, (0, 0))
        self._own[path] = entries - 1, total - size

    def taken(self) -> list[Folder]:
        """Return what is to be added to each folder, and begin again."""
        own, self._own = {path: both for path, both in self._own.items() if any(both)}, {}
        everything: dict[str, tuple[int, int]] = {}
        for path, (entries, size) in own.items():
            for folder in (path, *above(path)):
                before = everything.get(folder, (0, 0))
                everything[folder] = before[0] + entries, before[1] + size
        return [Folder(path, *own.get(path, (0, 0)), *both) for path, both in everything.items()]

    def __len__(self) -> int:
        return len(self._own)
