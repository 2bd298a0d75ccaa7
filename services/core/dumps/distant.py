"""Dumps of the catalog at the distant backend: they are sent as a pair of files, and fetched one file at a time."""

import asyncio
import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from services.core.assets import media_types
from services.core.digests import sha256_of
from services.core.dumps.download import download
from services.core.errors import StorageDown
from services.core.storage.attempts import Interrupted, resumed
from services.core.storage.distant.client import DistantClient, complaint, note
from services.core.storage.distant.forms import FilePart, form
from services.core.storage.distant.reader import Reader
from services.core.storage.distant.readiness import Readiness
from services.core.storage.settings import StorageSettings

_FILENAME = re.compile(r"[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*")
_DISPOSITION = re.compile(r"""filename="?([^";]+)"?""", re.IGNORECASE)
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")


class DistantDumps:
    """Sends dumps to the backend and fetches them."""

    def __init__(self, settings: StorageSettings) -> None:
        self._client = DistantClient(settings)
        self._ready = Readiness(settings, self._client)
        self._take, self._give = settings.url_to_post_backup, settings.url_to_get_backup

    async def open(self) -> None:
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    async def save(self, rdb: Path, catalog: Path) -> None:
        """Send a dump in both formats under the names of the files; raises StorageDown if the backend does not confirm
        it."""
        digests = {
            "dump_sha256": await asyncio.to_thread(sha256_of, rdb),
            "catalog_sha256": await asyncio.to_thread(sha256_of, catalog),
        }
        files = [
            FilePart("dump", rdb.name, media_types.BYTES, rdb),
            FilePart("catalog", catalog.name, media_types.JSON, catalog),
        ]
        status, body = await self._client.submit("POST", self._take, {}, form(digests, files))
        if not 200 <= status < 300:
            note("POST", self._take, status, body)
            problem = complaint("POST", self._take, status)
            if isinstance(problem, Interrupted):
                raise StorageDown(f"The storage did not take the dump: {problem}.")
            raise problem

    async def fetch(self, filename: str, target: Path) -> None:
        """Fetch a dump to a file, which is complete or not there; raises ObjectMissing, and DumpDamaged."""
        if not _FILENAME.fullmatch(filename):
            raise ValueError(f"not the name of a dump: {filename!r}")
        await self._fetch(filename, self._reader(filename, {}), target)

    async def fetch_latest(self, kind: Literal["json", "rdb"], target: Path) -> str | None:
        """Fetch the latest dump of a format to a file; return its name if the backend states it.

        Raises ObjectMissing when there is none, and DumpDamaged.
        """
        reader = self._reader("latest", {"format": kind})
        await self._fetch(f"latest.{kind}", reader, target)
        return filename_in(reader.headers)

    def _reader(self, name: str, params: Mapping[str, str]) -> Reader:
        return Reader(self._client, self._ready, f"{self._give}/{name}", params, (media_types.HTML,))

    async def _fetch(self, named: str, reader: Reader, target: Path) -> None:
        chunks = resumed(self._client.policy, reader.open_at, 0, None)
        await download(chunks, target, named, lambda: digest_in(reader.headers))


def filename_in(headers: Mapping[str, str]) -> str | None:
    """Return the file name in Content-Disposition, if it is one that a dump can have."""
    match = _DISPOSITION.search(headers.get("content-disposition", ""))
    name = match[1].strip() if match else ""
    return name if _FILENAME.fullmatch(name) else None


def digest_in(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 (hex) that an answer names for the whole file (RFC 9530), None if it names none."""
    for name in ("repr-digest", "content-digest"):
        if match := _DIGEST.search(headers.get(name, "")):
            try:
                return base64.b64decode(match[1], validate=True).hex()
            except ValueError:
                return ""  # No file has this digest: an answer that names one must name a valid one.
    return None
