"""Dumps of the catalog: their names, and where they are kept. `retention` says which is the latest and which go.

A dump is a pair of files, `dump_YYYYMMDDTHHMMSS.json` and `.rdb` (UTC), each with its SHA-256 beside it. The JSON is
stored last and removed first: if it is there, the dump is complete. Who asks for a dump can give it another name, or
want one of the files alone.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from services.core.assets import media_types
from services.core.dumps.retention import KeptDump
from services.core.errors import DumpMissing, NoDumpName
from services.core.storage.backends import Backend

Kind = Literal["json", "rdb"]

KINDS: tuple[Kind, ...] = ("json", "rdb")
MEDIA_TYPES: dict[Kind, str] = {"json": media_types.JSON, "rdb": media_types.BYTES}
LATEST = "latest"

STEM_OR_FILENAME = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
FILENAME = rf"{STEM_OR_FILENAME}\.(json|rdb)"
FILENAME_MAX = 100
NAME_MAX = FILENAME_MAX - len(".json")
"""Characters. A name without an extension gets one."""
STEM = "dump_"
"""How the name of a dump begins that nobody has named. The second follows (`stamp_of`)."""
STAMP = r"[0-9]{8}T[0-9]{6}"
OTHER = "Try requesting the other format or create a new dump with both formats"


class DumpExists(Exception):
    """A dump of that second exists: nothing was stored."""


class DumpStore(Protocol):
    """Where dumps are kept. All verbs raise StorageDown if it cannot be reached."""

    @property
    def backend(self) -> Backend:
        """Name the place, as answers do: see `source` and `place`."""
        ...

    @property
    def spool(self) -> Path:
        """A local folder for files on their way; `save` takes them from there."""
        ...

    def prepare(self) -> None:
        """Make the spool; the service that saves calls it at its start."""
        ...

    async def open(self) -> None:
        """Open what is kept for the lifetime of the service."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...

    async def save(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        """Store the files of a dump of `records` entries under their names; raises DumpExists, and EmptyDump.

        Only files of `kinds` have to be stored.
        """
        ...

    async def replace(self, rdb: Path, catalog: Path, records: int, kinds: Collection[Kind] = KINDS) -> None:
        """Store the files of a dump in the place of the dump of this name, if there is one; raises EmptyDump.

        If both files exist, the dump before or the new one can be restored by this name wherever this stops. For that,
        the file of another kind than `kinds` is stored for a while if the dump before has exactly these kinds.
        """
        ...

    async def fetch(self, filename: str, target: Path) -> None:
        """Fetch a file of a dump, complete and checked; raises ObjectMissing, and DumpDamaged."""
        ...

    async def fetch_latest(self, kind: Kind, target: Path) -> str | None:
        """Fetch a file of the latest dump and return its name, if it has one; raises what `fetch` raises."""
        ...

    async def kept(self) -> list[KeptDump]:
        """Return the dumps that there are, the oldest first; raises ListingUnsupported."""
        ...

    async def records(self, dump: KeptDump) -> int | None:
        """Return how many entries a dump has, None if it is not recorded."""
        ...

    async def prune(self, keep: int, protected: str) -> list[str]:
        """Remove surplus dumps (see `retention.surplus`); return the stamps of those that were removed."""
        ...


def filename_of(stamp: str, kind: Kind) -> str:
    return f"{STEM}{stamp}.{kind}"


def stamp_of(moment: datetime) -> str:
    """Return the second of a moment as the names of dumps have it."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def parse(filename: str) -> tuple[str, Kind]:
    """Return the stem and the kind in the name of a file of a dump; raises NoDumpName."""
    if not re.fullmatch(FILENAME, filename) or len(filename) > FILENAME_MAX:
        raise NoDumpName(
            "Invalid dump filename",
            f"{filename!r} is not the name of a dump.",
            "Use a name such as dump_20250812T143052.json or dump_20250812T143052.rdb, or latest",
        )
    stem, _, kind = filename.rpartition(".")
    return stem, "json" if kind == "json" else "rdb"


def checked(filename: str) -> str:
    """Return the name of a file of a dump, or `latest`, as it is; raises NoDumpName for another."""
    if filename != LATEST:
        parse(filename)
    return filename


def chosen(filename: str | None, kind: Kind | None) -> tuple[str | None, tuple[Kind, ...]]:
    """Return the stem that a new dump is asked to have, if any, and the kinds of its files; raises NoDumpName.

    An extension of the filename chooses the kind, as `kind` does. The name of a second is refused: it would count as
    the latest dump, and be removed like one that nobody has named.
    """
    if filename is None:
        return None, (kind,) if kind else KINDS
    has_kind = filename.endswith(tuple(f".{known}" for known in KINDS))
    stem, named = parse(filename if has_kind else f"{filename}.json")
    kinds = {*((named,) if has_kind else ()), *((kind,) if kind else ())}
    problem = None
    if len(kinds) > 1:
        problem = f"A dump {filename!r} with the format {kind} cannot be made."
    elif stem == LATEST:
        problem = "latest is no name."
    elif re.fullmatch(STEM + STAMP, stem):
        problem = f"{stem} is the name of a dump of that second, which nobody else can give."
    if problem:
        raise NoDumpName(
            "Invalid dump filename",
            problem,
            "Leave out the format or the extension, or use another name, such as before-the-move",
        )
    return stem, tuple(kinds) or KINDS


def missing(kind: Kind, asked: str, backend: Backend) -> DumpMissing:
    """Return the error for a file that is not there; `asked` is its name, or `latest`."""
    name = kind.upper()
    return DumpMissing(
        f"{name} dump file not found", f"No {name} dump file found for {asked} in {backend.place}", OTHER
    )
