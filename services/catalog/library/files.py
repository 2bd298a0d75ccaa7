"""The files of the library, as they are served: below a folder that is named for their contents. Pure after the start.

A file of another release has another folder. So a browser keeps each of them for good, and never mixes two releases.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from services.core.assets import media_types

TYPES = {".js": media_types.JAVASCRIPT, ".css": media_types.CSS, ".svg": media_types.SVG}
"""What is served, by the ends of the names."""
LATER = ("later/", "messages/", "embed/")
"""Modules in these folders are loaded when they are needed, or by pages of others, and not with the page."""


@dataclass(frozen=True)
class Files:
    """The contents of the files, by their paths."""

    contents: dict[str, bytes]

    @cached_property
    def version(self) -> str:
        """A name of these contents."""
        digest = hashlib.blake2b(digest_size=8)
        for name, content in sorted(self.contents.items()):
            digest.update(b"%d %d " % (len(name.encode()), len(content)) + name.encode() + content)
        return digest.hexdigest()

    def first(self) -> list[str]:
        """Return the modules that are loaded with the page."""
        return sorted(name for name in self.contents if name.endswith(".js") and not name.startswith(LATER))


def read() -> Files:
    """Read the files that come with this package."""
    folder = resources.files("services.catalog.library").joinpath("static")
    return Files({name: file.read_bytes() for name, file in _walk(folder, "") if name.endswith(tuple(TYPES))})


def _walk(folder: Traversable, beginning: str) -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        name = beginning + one.name
        if one.is_dir():
            yield from _walk(one, f"{name}/")
        else:
            yield name, one
