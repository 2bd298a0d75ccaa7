"""Dumps of the catalog: their names, and where they are kept. `retention` says which is the latest and which go.

A dump is a pair of files, `dump_YYYYMMDDTHHMMSS.json` and `.rdb` (UTC), each with its SHA-256 beside it. The JSON is
stored last and removed first: if it is there, the dump is complete.
"""

import re
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

FILENAME = r"dump_([0-9]{8}T[0-9]{6})\.(json|rdb)"
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

    async def save(self, rdb: Path, catalog: Path, records: int) -> None:
        """Store both files of a dump of `records` entries under their names; raises DumpExists, and EmptyDump."""
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
    return f"dump_{stamp}.{kind}"


def stamp_of(moment: datetime) -> str:
    """Return the second of a moment as the names of dumps have it."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def parse(filename: str) -> tuple[str, Kind]:
    """Return the stamp and the kind in the name of a dump; raises NoDumpName."""
    match = re.fullmatch(FILENAME, filename)
    if match is None:
        raise NoDumpName(
            "Invalid dump filename",
            f"{filename!r} is not the name of a dump.",
            "Use a name such as dump_20250812T143052.json or dump_20250812T143052.rdb, or latest",
        )
    return match[1], "json" if match[2] == "json" else "rdb"


def missing(kind: Kind, asked: str, backend: Backend) -> DumpMissing:
    """Return the error for a file that is not there; `asked` is its name, or `latest`."""
    name = kind.upper()
    return DumpMissing(
        f"{name} dump file not found", f"No {name} dump file found for {asked} in {backend.place}", OTHER
    )
