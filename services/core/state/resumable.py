"""Resumable uploads: how much of each has been received, where that lies, and how much room all of them have reserved.

The bytes are parts in the storage (`assets/parts`), so any process can take the next request of an upload. A part is
announced here before it is stored, and belongs to the upload once it is recorded. That is one step with the new offset,
so an offset that a client is told is durable. A part that was announced and not recorded is of a run that died: the
next run removes it.

One run at a time works on an upload: it has the lease. Each step checks that it still has it.

An upload ends in three steps: it is *closed*, its parts are removed, and it is forgotten, which gives its room back. If
a process dies in between, the jobs worker goes on: it takes closed uploads for expired ones.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

import orjson
from redis.exceptions import RedisError

from services.core.assets import parts
from services.core.assets.parts import Part
from services.core.errors import NoRoom, NotFound, StorageDown, Unavailable, UploadBusy
from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.core.state.leases import LeaseLost, Leases
from services.core.state.script import Script
from services.core.storage import Storage, StoredObject

OPEN_MAX = 1000
"""How many uploads may be open."""
BUSY_SECONDS = 2.0
"""How long a request waits for the one before: a client that was cut may come back before the service notices it."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Intended:
    """An entry that is about to be written: its key, and the object that it is to refer to, with its SHA-256."""

    entry_key: str
    storage_key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload. `length` and `offset` are in bytes, `ends_at` in seconds since the epoch.

    `stated` is what the client has stated, as JSON. `intended` is the entry that a run was about to make, and `uuid`
    that of the one that was made.
    """

    id: str
    length: int
    offset: int
    ends_at: float
    stated: bytes
    intended: Intended | None
    uuid: str | None

    @property
    def is_whole(self) -> bool:
        return self.offset == self.length


def unknown(upload_id: str) -> NotFound:
    """Return the error for an upload that does not exist, has ended, or is another client's."""
    return NotFound(
        f"No upload {upload_id[:64]!r} is open.", "It has ended, or expired, or another token made it: begin again."
    )


def interrupted() -> Unavailable:
    """Return the error of a run that has lost its upload: it was taken for dead, or the upload has ended."""
    return Unavailable("The upload was interrupted.", "Ask for its offset with HEAD, and go on from there.")


async def reserved(client: Redis) -> list[int]:
    """Return the bytes that are reserved for each open upload; raises RedisError."""
    return [int(length) for length in await commands.hvals(client, keys.RESUMABLE_LENGTHS)]


class ResumableUploads:
    """The uploads in Redis, and their parts in a storage. Methods raise RedisError."""

    def __init__(self, client: Redis, storage: Storage) -> None:
        self._redis, self._storage, self._leases, self._steps = client, storage, Leases(client), _Steps(client)
        self._open = Script(client, "open_upload", uploads=keys.RESUMABLE, lengths=keys.RESUMABLE_LENGTHS)
        self._forget = Script(client, "forget_upload", uploads=keys.RESUMABLE, lengths=keys.RESUMABLE_LENGTHS)

    async def open(self, length: int, ends_at: int, stated: bytes, room: int) -> Upload:
        """Open an upload of `length` bytes; raises NoRoom if all open ones together would have more than `room`."""
        upload_id = secrets.token_hex(16)
        said = await self._open(
            upload=keys.resumable(upload_id),
            id=upload_id,
            length=length,
            ends_at=ends_at,
            stated=stated,
            room=room,
            most=OPEN_MAX,
        )
        if said == b"room":
            raise NoRoom(f"The open uploads and this one would have more than {room} bytes together.")
        if said == b"most":
            raise NoRoom(f"{OPEN_MAX} uploads are open.")
        return Upload(upload_id, length, 0, ends_at, stated, None, None)

    async def get(self, upload_id: str) -> Upload:
        """Return an upload that is open, or has become an entry; raises NotFound."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(keys.resumable(upload_id))
            pipeline.zscore(keys.RESUMABLE, upload_id)
            found, open_until = await pipeline.execute()
        if not found or (b"uuid" not in found and (open_until or 0) <= time.time()):
            raise unknown(upload_id)
        intended, uuid = found.get(b"intended"), found.get(b"uuid")
        return Upload(
            upload_id,
            int(found[b"length"]),
            int(found[b"offset"]),
            float(found[b"ends_at"]),
            found[b"stated"],
            Intended(**orjson.loads(intended)) if intended else None,
            uuid.decode() if uuid else None,
        )

    @asynccontextmanager
    async def run(self, upload_id: str) -> AsyncIterator["Run"]:
        """Work on an upload alone while the context is open.

        Raises UploadBusy if another run does not end soon, and Unavailable if this one is taken for dead.
        """
        what, token = f"resumable:{upload_id}", secrets.token_hex(8)
        until = time.monotonic() + BUSY_SECONDS
        while not await self._leases.take(what, token):
            if time.monotonic() > until:
                raise UploadBusy
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            async with self._leases.kept([what], token):
                yield Run(self._redis, self._storage, self._steps, upload_id, token)
        except LeaseLost:
            raise interrupted() from None
        finally:
            with suppress(RedisError):  # It ends by itself.
                await self._leases.give_up(what, token)

    async def end(self, upload_id: str) -> None:
        """Close an upload, remove its parts, and give its room back. To do it again does no harm.

        Raises StorageDown; the jobs worker does the rest then.
        """
        await self._redis.zadd(keys.RESUMABLE, {upload_id: 0}, xx=True)
        found = await commands.hgetall(self._redis, keys.resumable_parts(upload_id))
        await self.remove([key.decode() for key in found])
        await self._forget(upload=keys.resumable(upload_id), parts=keys.resumable_parts(upload_id), id=upload_id)

    async def due(self, now: float, most: int) -> list[str]:
        """Return the ids of uploads that are closed or have expired at `now` (seconds since the epoch)."""
        found: list[bytes] = await self._redis.zrangebyscore(keys.RESUMABLE, "-inf", now, 0, most)
        return [upload_id.decode() for upload_id in found]

    async def are_known(self, part_keys: Sequence[str]) -> list[bool]:
        """Say of each storage key whether it is a part that is announced or belongs to an upload."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key in part_keys:
                pipeline.hexists(keys.resumable_parts(parts.upload_of(key)), key)
            found: list[bool] = await pipeline.execute()
        return found

    async def remove(self, part_keys: Sequence[str]) -> None:
        """Remove parts from the storage; raises StorageDown."""
        if part_keys:
            await self._storage.delete([StoredObject(key) for key in part_keys])


class _Steps:
    """The scripts of runs."""

    def __init__(self, client: Redis) -> None:
        self.announce, self.record, self.intend, self.finish = (
            Script(client, name, uploads=keys.RESUMABLE)
            for name in ("announce_part", "record_parts", "intend_entry", "finish_upload")
        )


class Run:
    """What one run does with its upload. Its steps raise Unavailable if the upload has ended, or the run has lost
    it."""

    def __init__(self, client: Redis, storage: Storage, steps: _Steps, upload_id: str, token: str) -> None:
        self._redis, self._storage, self._steps, self.id = client, storage, steps, upload_id
        self._upload, self._parts = keys.resumable(upload_id), keys.resumable_parts(upload_id)
        self._mine = {"id": upload_id, "token": token, "lease": keys.lease(f"resumable:{upload_id}")}

    async def recorded(self) -> list[Part]:
        """Return the parts of the upload in their order. What runs before have left beside them is removed."""
        found = await commands.hgetall(self._redis, self._parts)
        known = sorted((key.decode(), int(size)) for key, size in found.items())
        await self.drop([key for key, size in known if not size])
        return [Part(key, size) for key, size in known if size]

    async def announce(self, key: str) -> None:
        """Note that a part is about to be stored."""
        self._check(await self._steps.announce(parts=self._parts, storage_key=key, **self._mine))

    async def record(self, before: int, after: int, added: Sequence[Part], replaced: Sequence[Part]) -> None:
        """Move the offset on by parts that are stored. Those that they have replaced are removed."""
        sizes = {**{part.key: part.size for part in added}, **{part.key: 0 for part in replaced}}
        told = orjson.dumps(sizes)
        self._check(
            await self._steps.record(
                upload=self._upload, parts=self._parts, before=before, after=after, sizes=told, **self._mine
            )
        )
        with suppress(StorageDown):  # The next run tries it again.
            await self.drop([part.key for part in replaced])

    async def drop(self, part_keys: Sequence[str]) -> None:
        """Remove parts that do not belong to the upload; raises StorageDown."""
        if part_keys:
            await self._storage.delete([StoredObject(key) for key in part_keys])
            await commands.hdel(self._redis, self._parts, part_keys)

    async def intend(self, intended: Intended) -> None:
        """Note which entry the upload is about to become."""
        told = orjson.dumps(asdict(intended))
        self._check(await self._steps.intend(upload=self._upload, intended=told, **self._mine))

    async def finish(self, uuid: str) -> None:
        """Note which entry the upload has become, and close it."""
        await self._steps.finish(upload=self._upload, id=self.id, uuid=uuid)

    def _check(self, done: int) -> None:
        if not done:
            raise interrupted()
