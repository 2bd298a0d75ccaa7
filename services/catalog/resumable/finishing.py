"""Makes an entry of a resumable upload whose bytes are all there, by the same steps as of any other upload.

It is done once, although a process may die at any moment, and the client then asks again. Just before an entry is
written, the upload notes which one it is to become. So the next run finds the entry, if it was written.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from services.catalog import metrics
from services.catalog.resumable.receiving import copy
from services.catalog.resumable.stated import Stated
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.catalog.uploads.writing import BeforeWrite, Written
from services.core.errors import StorageDown, TadaError
from services.core.state import entry_json
from services.core.state.entries import Entries
from services.core.state.resumable import ResumableUploads, Run, Upload
from services.core.storage import Storage

Make = Callable[[SpooledFile, BeforeWrite], Awaitable[Written | TadaError]]
"""Makes the entry of a file."""


class Finisher:
    def __init__(self, uploads: ResumableUploads, entries: Entries, storage: Storage, owner: str) -> None:
        """`owner` is the name of the process, for the files in the spool."""
        self._uploads, self._entries, self._storage, self._owner = uploads, entries, storage, owner

    async def finish(self, run: Run, upload: Upload, make: Make) -> Written:
        """Make the entry; return it, with its commit if this run has written it.

        If the file is refused, the upload ends, and this raises the error. Also raises ObjectMissing, and what passes:
        Unavailable and RedisError, after which it can be done again.
        """
        written = await self._made_before(upload)
        if written is None:
            async with self._joined(run, upload) as file:
                written = await self._made(run, upload, file, make)
        await run.finish(written[0].uuid)
        metrics.RESUMABLE.labels("finished").inc()
        with suppress(StorageDown):  # The jobs worker tries it again.
            await self._uploads.end(upload.id)
        return written

    async def _made_before(self, upload: Upload) -> Written | None:
        if upload.intended is None:
            return None
        intended = upload.intended
        raw = await self._entries.raw(intended.entry_key)
        entry = entry_json.read(raw) if raw else None
        if entry is None or (entry.storage_key, entry.signature) != (intended.storage_key, intended.signature):
            return None
        return entry, None

    async def _made(self, run: Run, upload: Upload, file: SpooledFile, make: Make) -> Written:
        try:
            made = await make(file, run.intend)
            if isinstance(made, TadaError):
                raise made
        except TadaError as error:
            if error.status < 500:
                metrics.RESUMABLE.labels("refused").inc()
                with suppress(StorageDown):
                    await self._uploads.end(upload.id)
            raise
        return made

    @asynccontextmanager
    async def _joined(self, run: Run, upload: Upload) -> AsyncIterator[SpooledFile]:
        """Give the whole file, in the spool. It is removed at the end."""
        stated = Stated.of(upload.stated)
        writer = SpoolWriter(self._storage.spool, self._owner, stated.given_name, stated.declared_type, upload.length)
        try:
            await copy(self._storage, await run.recorded(), writer)
            yield await writer.finish()
        finally:
            writer.discard()
