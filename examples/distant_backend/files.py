"""The files on the disk: each version of each asset once, written whole or not at all.

    files/DEV/shop/cat.webp/.versions/1.original

A folder per path, whose names are percent-encoded, so that whatever a path has in it stays below the root.
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

_VERSIONS = ".versions"
_NAME = re.compile(r"([0-9]{1,16})(\.original)?")


class BadPath(Exception):
    """A path that cannot be that of a file."""


class NoSuchFile(Exception):
    """There is no file that could be replaced."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of a file."""

    path: Path
    version: int
    original: bool


@dataclass(frozen=True, slots=True)
class Listed:
    filepath: str
    size: int


class Files:
    """Keeps the newest `keep` versions of each file; with 0 each file takes the last one's place."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._root, self._incoming, self._keep = folder / "files", folder / ".incoming", keep
        self._changing = threading.Lock()
        for needed in (self._root, self._incoming):
            needed.mkdir(parents=True, exist_ok=True)

    def put(
        self, filepath: str, version: int | None, original: bool, content: BinaryIO, *, replaces: bool
    ) -> int | None:
        """Store a file durably and return its version, None when there are no versions.

        A file that replaces no other begins anew: what was there before is forgotten. One that does raises NoSuchFile
        when there is none.
        """
        folder = self._folder(filepath)
        partial = self._receive(content)
        with self._changing:
            before = {kept.version for kept in self._kept(folder)} if replaces else set()
            if replaces and not before:
                partial.unlink()
                raise NoSuchFile(filepath)
            if self._keep == 0 or version is None:
                version = max(before, default=0) + 1 if self._keep else 1
            target = folder / f"{version}{'.original' if original else ''}"
            _place(partial, target, self._root)
            # The last version stays beside the new one: should TADA not get to note the new one in its catalog, its
            # entry still means the last one; and answers under way still read it.
            spared = sorted(before - {version}, reverse=True)[: max(self._keep - 1, 0)]
            for kept in self._kept(folder):
                if kept.path != target and kept.version not in spared:
                    kept.path.unlink()
        return version if self._keep else None

    def find(self, filepath: str, version: int | None, original: bool) -> Path | None:
        """Return where a file is; the newest version if none is asked for, or if there are no versions."""
        kept = [kept for kept in self._kept(self._folder(filepath)) if kept.original == original]
        if self._keep and version is not None:
            kept = [one for one in kept if one.version == version]
        return max(kept, key=lambda one: one.version).path if kept else None

    def has(self, filepath: str) -> bool:
        return bool(self._kept(self._folder(filepath)))

    def remove(self, filepath: str) -> bool:
        """Remove all versions of a file; return whether there was one."""
        folder = self._folder(filepath)
        with self._changing:
            kept = self._kept(folder)
            for one in kept:
                one.path.unlink()
            while folder != self._root and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent
        return bool(kept)

    def all(self) -> Iterator[Listed]:
        """Yield every file with the size of its newest version."""
        for folder in self._root.rglob(_VERSIONS):
            kept = self._kept(folder)
            if kept:
                filepath = "/" + "/".join(unquote(part) for part in folder.parent.relative_to(self._root).parts)
                yield Listed(filepath, max(kept, key=lambda one: one.version).path.stat().st_size)

    def check(self) -> None:
        """Raise OSError unless files can be written."""
        with tempfile.TemporaryFile(dir=self._incoming) as file:
            file.write(b"ready")

    def write(self, target: Path, content: BinaryIO) -> None:
        """Write another file beside those as a whole or not at all."""
        _place(self._receive(content), target, self._incoming.parent)

    def _folder(self, filepath: str) -> Path:
        parts = [quote(part, safe="") for part in filepath.removeprefix("/").split("/")]
        if not filepath.startswith("/") or any(not part or len(part) > 250 for part in parts) or len(filepath) > 2000:
            raise BadPath(filepath)
        return self._root.joinpath(*(f"%2E{part[1:]}" if part[0] == "." else part for part in parts), _VERSIONS)

    def _kept(self, folder: Path) -> list[Kept]:
        try:
            names = [(path, _NAME.fullmatch(path.name)) for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [Kept(path, int(match[1]), match[2] is not None) for path, match in names if match]

    def _receive(self, content: BinaryIO) -> Path:
        """Write content to the disk under a name that nobody asks for."""
        descriptor, partial = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(descriptor, "wb") as file:
                shutil.copyfileobj(content, file, 256 * 1024)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            Path(partial).unlink()
            raise
        return Path(partial)


def _place(partial: Path, target: Path, root: Path) -> None:
    """Give a file its name in one step. Folders on the way may be new, and must reach the disk too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)
    for folder in target.parents:
        _fsync(folder)
        if folder == root:
            break


def _fsync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
