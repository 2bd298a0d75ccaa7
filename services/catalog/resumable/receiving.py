"""Takes the body of one request of a resumable upload, and stores it piece by piece as parts.

The offset moves on with each piece, so a killed process loses no more than its present piece. If a client is cut, the
piece so far is stored too. With a checksum nothing counts before all of the body is there and is right.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect

from services.catalog import metrics
from services.catalog.resumable import protocol
from services.catalog.resumable.protocol import Checksum
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.assets import parts
from services.core.assets.parts import PIECE, Part
from services.core.errors import Stalled, StorageDown, TadaError
from services.core.state.resumable import Run, Upload
from services.core.storage import NewObject, ObjectMissing, Receipt, Storage, StoredObject

IDLE_SECONDS = 10.0
"""For how long nothing of a body may come. Then the client can come back, and go on with another request."""
_CHUNK = 256 * 1024


class Receiver:
    """Receives one body. `owner` is the name of the process, for the files in the spool."""

    def __init__(self, run: Run, storage: Storage, owner: str, upload: Upload, checksum: Checksum | None) -> None:
        self._run, self._storage, self._owner, self._checksum = run, storage, owner, checksum
        self._upload, self._offset, self._arrived = upload, upload.offset, upload.offset
        self._recorded: list[Part] = []
        self._stored: list[Part] = []
        """Parts that are not recorded yet: with a checksum there may be several."""
        self._replaced: list[Part] = []
        """Recorded parts whose bytes are in a stored one."""
        self._loose: list[str] = []
        """Keys of parts that certainly do not belong to the upload."""
        self._piece = self._new_file()
        self._size = 0

    async def take(self, body: AsyncIterator[bytes]) -> int:
        """Store a body; return the new offset.

        Raises TooLarge, ChecksumMismatch, Stalled, ClientDisconnect, StorageDown, ObjectMissing, Unavailable and
        RedisError.
        """
        try:
            self._recorded = await self._run.recorded()
            try:
                async for chunk in _patiently(body):
                    await self._add(chunk)
            except (ClientDisconnect, Stalled):
                if self._checksum is None:
                    await self._store()
                raise
            if self._checksum:
                self._checksum.check()
            await self._store()
            await self._record()
            return self._offset
        finally:
            self._piece.discard()
            with suppress(TadaError, RedisError):  # The next run tries it again.
                await self._run.drop(self._loose)

    async def _add(self, chunk: bytes) -> None:
        if self._arrived + len(chunk) > self._upload.length:
            raise protocol.too_long(self._upload.length - self._upload.offset)
        if self._size and self._size + len(chunk) > PIECE:
            await self._store()
        if self._checksum:
            self._checksum.update(chunk)
        await self._piece.write(chunk)
        self._size += len(chunk)
        self._arrived += len(chunk)

    async def _store(self) -> None:
        """Store the piece so far, together with small parts before it. Without a checksum it counts from now on."""
        if not self._size:
            return
        file = await self._piece.finish()
        small = [] if self._stored else parts.absorbed(self._recorded, file.size)
        if small:
            file = await self._joined(small, file)
        key = parts.new_key(self._upload.id, self._arrived - file.size, secrets.token_hex(8))
        self._loose.append(key)
        await self._run.announce(key)
        [outcome] = await self._storage.put([NewObject(StoredObject(key), file.path, file.signature)])
        if not isinstance(outcome, Receipt):
            raise outcome if isinstance(outcome, TadaError) else StorageDown("The storage has such a part already.")
        self._stored.append(Part(key, file.size))
        self._replaced += small
        self._piece.discard()
        self._piece, self._size = self._new_file(), 0
        if self._checksum is None:
            await self._record()

    async def _record(self) -> None:
        if not self._stored:
            return
        self._loose.clear()  # If the answer of Redis is lost, they may belong to the upload.
        await self._run.record(self._offset, self._arrived, self._stored, self._replaced)
        metrics.RESUMABLE_BYTES.inc(self._arrived - self._offset)
        self._recorded = [part for part in self._recorded if part not in self._replaced] + self._stored
        self._offset, self._stored, self._replaced = self._arrived, [], []

    async def _joined(self, small: Sequence[Part], piece: SpooledFile) -> SpooledFile:
        """Return a file with the bytes of some parts, and those of the piece behind them."""
        before, self._piece = self._piece, self._new_file()
        try:
            await copy(self._storage, small, self._piece)
            with piece.path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, _CHUNK):
                    await self._piece.write(chunk)
        finally:
            before.discard()
        return await self._piece.finish()

    def _new_file(self) -> SpoolWriter:
        return SpoolWriter(self._storage.spool, self._owner, "", None, self._upload.length)


async def copy(storage: Storage, wanted: Sequence[Part], target: SpoolWriter) -> None:
    """Write the bytes of parts to a file in the spool; raises StorageDown, and ObjectMissing if one is not whole."""
    for part in wanted:
        size = 0
        async with aclosing(storage.stream(StoredObject(part.key))) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                await target.write(chunk)
        if size != part.size:
            raise ObjectMissing(part.key)


async def _patiently(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a body; raises Stalled if nothing comes for too long."""
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(body, None)
        except TimeoutError:
            raise Stalled(
                f"Nothing of the body came for {IDLE_SECONDS:g} seconds.", "Ask for the offset with HEAD, and go on."
            ) from None
        if chunk is None:
            return
        if chunk:
            yield chunk
