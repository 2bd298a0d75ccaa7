"""The files of a folder, and what is known of them from before."""

import json
import mimetypes
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

from tada_client.wire import plain_name

_TYPES = {".webp": "image/webp", ".avif": "image/avif", ".jfif": "image/jpeg", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class LocalFile:
    path: Path
    relative: str
    """Below the folder, with slashes, and as text whatever the bytes of the name are."""
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        return self.relative.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.relative.rpartition("/")[0]

    @property
    def media_type(self) -> str:
        extension = self.path.suffix.lower()
        return _TYPES.get(extension) or mimetypes.guess_type(f"x{extension}")[0] or ""


def files_of(root: Path) -> Iterator[LocalFile]:
    """Yield the files of a folder and of those below it, in the order of their names; or the one file.

    What begins with a dot is left out, and so are links to folders.
    """
    if root.is_file():
        found = root.stat()
        yield LocalFile(root, plain_name(root.name), found.st_size, found.st_mtime_ns)
        return
    yield from _below(root, "")


def _below(folder: Path, relative: str) -> Iterator[LocalFile]:
    with os.scandir(folder) as listed:
        items = sorted(listed, key=lambda item: item.name)
    for item in items:
        if item.name.startswith("."):
            continue
        name = f"{relative}{plain_name(item.name)}"
        if item.is_dir(follow_symlinks=False):
            yield from _below(folder / item.name, f"{name}/")
        elif item.is_file():
            found = item.stat()
            yield LocalFile(folder / item.name, name, found.st_size, found.st_mtime_ns)


def is_wanted(
    file: LocalFile, include: Collection[str], exclude: Collection[str], media_types: Collection[str]
) -> bool:
    """Say whether a file is to be sent: by patterns, and without any, by the types that the service takes."""
    if any(_matches(file, pattern) for pattern in exclude):
        return False
    if include:
        return any(_matches(file, pattern) for pattern in include)
    return file.media_type in media_types


def _matches(file: LocalFile, pattern: str) -> bool:
    """Compare the path with a pattern that has a slash, and the name with any other."""
    return fnmatchcase(file.relative if "/" in pattern else file.name, pattern.removesuffix("/") or pattern) or (
        pattern.endswith("/") and f"/{file.relative}".find(f"/{pattern}") >= 0
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What was made of a file, or what has been begun for it."""

    size: int
    mtime_ns: int
    uuid: str = ""
    signature: str = ""
    begun: str = ""

    def is_of(self, file: LocalFile) -> bool:
        return (self.size, self.mtime_ns) == (file.size, file.mtime_ns)


class State:
    """Remembers what was done, line by line, so that nothing is lost when the program is killed."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.known: dict[str, Known] = dict(_lines(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Lines that later ones replace are left out, and so is one that was cut.
        part = path.with_name(f"{path.name}.part")
        part.write_text("".join(_line(name, known) for name, known in self.known.items()))
        part.replace(path)

    def of(self, file: LocalFile) -> Known | None:
        known = self.known.get(file.relative)
        return known if known and known.is_of(file) else None

    def keep(self, file: LocalFile, **what: str) -> None:
        known = Known(file.size, file.mtime_ns, **what)
        with self._lock, self._path.open("a") as opened:
            self.known[file.relative] = known
            opened.write(_line(file.relative, known))


def _line(name: str, known: Known) -> str:
    values = {key: getattr(known, key) for key in Known.__slots__}
    return json.dumps({"path": name, **{key: value for key, value in values.items() if value != ""}}) + "\n"


def _lines(path: Path) -> Iterator[tuple[str, Known]]:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            said: dict[str, Any] = json.loads(line)
            yield said.pop("path"), Known(**said)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue


def state_path(environment: Mapping[str, str], *about: str) -> Path:
    """Return where it is remembered what was sent from one folder to one place."""
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(home) / "tada" / f"{sha256(json.dumps(about).encode()).hexdigest()[:32]}.jsonl"
