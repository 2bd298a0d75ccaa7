"""Fetching a file from an address into the spool, as if it had been uploaded."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from services.catalog.uploads import parameters
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.errors import NoSource, OutwardFailed
from services.core.outward.answer import Answer
from services.core.outward.client import Limits, Outward
from services.core.outward.urls import Url

REDIRECTS = 5
_OK = 200
_MAY_PASS = (408, 425, 429)
"""Statuses below 500 of a server that may send the file a moment later."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches files of at most `bytes_max` bytes, each in at most `seconds`. `owner` is the name of the process for its
    signs of life."""

    outward: Outward
    spool: Path
    owner: str
    seconds: float
    bytes_max: int

    @asynccontextmanager
    async def fetched(self, url: Url) -> AsyncIterator[SpooledFile]:
        """Yield the file at an address. If it is still in the spool at the end, it is removed.

        Raises OutwardRefused, OutwardFailed, NoSource, FileTooLarge and StorageDown.
        """
        writer = None
        try:
            async with self.outward.ask("GET", str(url), Limits(self.seconds, REDIRECTS)) as answer:
                check_status(answer.url.host, answer.status)
                declared = answer.headers.get("content-type")
                writer = SpoolWriter(self.spool, self.owner, name_of(answer, url), declared, self.bytes_max)
                async with aclosing(answer.chunks(self.bytes_max)) as chunks:
                    async for chunk in chunks:
                        await writer.write(chunk)
                file = await writer.finish()
            # Servers of files often do not know their types. What they say is told if nothing else is known.
            yield replace(file, declared_type=None) if file.media_type else file
        finally:
            if writer:
                writer.discard()


def check_status(host: str, status: int) -> None:
    """Raise NoSource if a server does not have a file, OutwardFailed if it may have it a moment later."""
    if status >= 500 or status in _MAY_PASS:
        raise OutwardFailed(f"{host} answers with status {status}.")
    if status != _OK:
        raise NoSource(
            f"{host} answers with status {status} instead of a file.", "Check the address, and send it anew."
        )


def name_of(answer: Answer, url: Url) -> str:
    """Return the name that a server gives its file, otherwise that at the end of the address of the client, or of the
    one to which this redirects."""
    try:
        named = parameters.read(answer.headers.get("content-disposition", "").encode("latin-1"))
    except parameters.NotReadable:
        named = {}
    found = (_last_part(text) for text in (named.get("filename", ""), _path(url), _path(answer.url)))
    return next(filter(None, found), url.host)


def _path(url: Url) -> str:
    return unquote(url.target.partition("?")[0])


def _last_part(text: str) -> str:
    return text.replace("\\", "/").rpartition("/")[2].strip()
