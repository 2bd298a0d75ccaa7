"""Claims: the right of one process to write or delete what lies under a storage key.

Bytes and entry live in two places, so a stored object is always in one of three states: an entry refers to it, a
*claim* names it, or it is free. A writer claims a storage key before it stores bytes, and the write that makes the
entry refer to them gives the claim up in the same step (see `compare_and_set`). What a change leaves behind becomes an
`obsolete` claim in that step too. Whatever dies in between, the claim remains, and the reaper finds what has to be
deleted.

A storage that replaces files in place has one key for all versions of an asset. There a claim is exclusive also while
an entry refers to the key, and holds the entry that its writer is about to make: whatever dies in between, the storage
has the bytes of the old entry or of that one, and the reaper can tell which.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.core.assets import names
from services.core.assets.entries import Entry
from services.core.errors import Unavailable
from services.core.state import commands, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.process import Process
from services.core.state.script import Script

CLAIM_SECONDS = 5.0
"""How long a writer waits for another one of the same key; a delete is done by the jobs worker in far less."""
DOUBT_SECONDS = 900.0
"""After so long no storage finishes a write any more: longer than any deadline of one."""
_CLAIM_POLL_SECONDS = 0.02
_OBSOLETE = "obsolete"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one storage key. Its value is `owner uuid`, then the entry that is to be made, if known."""

    storage_key: str
    value: str

    @property
    def uuid(self) -> str:
        return self.value.split(" ", 2)[1]

    @property
    def intended(self) -> Entry | None:
        """The entry that the writer is about to make; of an obsolete object, the one that referred to it."""
        said = self.value.split(" ", 2)[2:]
        return entry_json.read(said[0].encode()) if said else None


@dataclass(frozen=True, slots=True)
class StaleClaim:
    """A claim taken over from a writer that died or gave up, or on an object that a change has left behind."""

    claim: Claim
    obsolete: bool


@dataclass(frozen=True, slots=True)
class Leftover:
    """The object that a change of the entry `uuid` has left behind: an obsolete claim is on it."""

    uuid: str
    storage_key: str


class Claims:
    """The claims that a process makes and takes over. All methods raise RedisError."""

    def __init__(self, client: Redis, process: Process) -> None:
        self._redis, self._process = client, process
        self._claim = Script(client, "claim", entries=keys.ENTRIES, claims=keys.CLAIMS)
        self._reap = Script(client, "reap", entries=keys.ENTRIES, claims=keys.CLAIMS)
        self._release = Script(client, "release", claims=keys.CLAIMS)
        self._intend = Script(client, "intend", claims=keys.CLAIMS)

    async def are_made(self, storage_keys: Sequence[str]) -> list[bool]:
        """Say of each storage key whether somebody writes or deletes what lies under it."""
        found = await commands.hmget(self._redis, keys.CLAIMS, storage_keys) if storage_keys else []
        return [claim is not None for claim in found]

    # Of a writer

    async def make(self, unique_name: str) -> Claim:
        """Claim the plain storage key of an asset, or a spare one while the plain one is in use."""
        plain = self._new(names.plain_storage_key(unique_name), unique_name)
        spare = names.spare_storage_key(unique_name)
        key = await self._claim(uuid=plain.uuid, plain=plain.storage_key, spare=spare, claim=plain.value)
        return Claim(key.decode(), plain.value)

    async def make_spare(self, unique_name: str) -> Claim:
        """Claim a key that nobody else has: for when the storage already holds something under the plain one."""
        claim = self._new(names.spare_storage_key(unique_name), unique_name)
        await commands.hset(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return claim

    async def make_on_stored(self, unique_name: str) -> Claim | None:
        """Claim the plain key of an asset whose bytes lie there already; None while somebody writes or deletes it."""
        claim = self._new(names.plain_storage_key(unique_name), unique_name)
        free = await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return claim if free else None

    async def make_in_place(self, unique_name: str) -> Claim:
        """Claim the one key of an asset, waiting for whoever has it; raises Unavailable when that takes too long."""
        deadline = time.monotonic() + CLAIM_SECONDS
        while (claim := await self.make_on_stored(unique_name)) is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"{unique_name} is being written or deleted.", "Try again in a moment.")
            await asyncio.sleep(_CLAIM_POLL_SECONDS)
        return claim

    async def intend(self, claim: Claim, entry: Entry) -> Claim:
        """Add to a claim what entry its writer is about to make; raises Unavailable when the claim is lost."""
        meant = Claim(claim.storage_key, f"{self._process.name} {claim.uuid} {entry_json.write(entry).decode()}")
        if not await self._intend(storage_key=claim.storage_key, claim=claim.value, intended=meant.value):
            raise interrupted()
        return meant

    async def release(self, claim: Claim) -> None:
        """Give up a claim whose object needs nobody's care: it is not there, or an entry refers to it."""
        await self._release(storage_key=claim.storage_key, claim=claim.value)

    def _new(self, storage_key: str, unique_name: str) -> Claim:
        return Claim(storage_key, f"{self._process.name} {names.asset_uuid(unique_name)}")

    # Of whoever clears up

    async def take_stale(self) -> AsyncIterator[StaleClaim]:
        """Take over every claim that is obsolete or whose owner died; yield those whose object needs care."""
        async for storage_key, value in self._redis.hscan_iter(keys.CLAIMS, count=100):
            stale = await self._take(Claim(storage_key.decode(), value.decode()))
            if stale:
                yield stale

    async def take_leftover(self, leftover: Leftover) -> StaleClaim | None:
        """Take over the claim on an object that a change has just left behind; None if somebody else has it."""
        value = await commands.hget(self._redis, keys.CLAIMS, leftover.storage_key)
        claim = Claim(leftover.storage_key, value.decode()) if value else None
        if claim is None or not claim.value.startswith(f"{_OBSOLETE} {leftover.uuid}"):
            return None
        return await self._take(claim)

    async def take_back(self, claim: Claim) -> StaleClaim | None:
        """Return what this process has to settle because its own write failed; None when an entry refers to it.

        The claim may have been lost to a reaper meanwhile; then it is made anew. None too while somebody else has it.
        """
        await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return await self._take_over(claim, claim, keys.alive(""), obsolete=False)

    async def still_has(self, stale: StaleClaim) -> bool:
        """Say whether an object that was taken over is still this process' to delete: asked right before deleting."""
        holder = await commands.hget(self._redis, keys.CLAIMS, stale.claim.storage_key)
        return holder is not None and holder.decode() == stale.claim.value

    async def _take(self, claim: Claim) -> StaleClaim | None:
        owner, _, rest = claim.value.partition(" ")
        mine = Claim(claim.storage_key, f"{self._process.name} {rest}")
        return await self._take_over(claim, mine, keys.alive(owner), obsolete=owner == _OBSOLETE)

    async def _take_over(self, claim: Claim, mine: Claim, alive_key: str, *, obsolete: bool) -> StaleClaim | None:
        # A writer that has said what it intends replaces in place: that an entry refers to the key proves nothing.
        in_place = not obsolete and claim.intended is not None
        taken = await self._reap(
            alive=alive_key,
            storage_key=claim.storage_key,
            claim=claim.value,
            uuid=claim.uuid,
            mine=mine.value,
            in_place=int(in_place),
        )
        return StaleClaim(mine, obsolete) if taken else None

    # Of keys in doubt

    async def doubt(self, storage_keys: Sequence[str]) -> None:
        """Note keys that a failed write may still bring bytes to."""
        if storage_keys:
            await self._redis.zadd(keys.DOUBTFUL, dict.fromkeys(storage_keys, time.time()))

    async def doubtful(self) -> list[str]:
        """Return the keys for which nothing is on its way any more."""
        found = await self._redis.zrangebyscore(keys.DOUBTFUL, "-inf", time.time() - DOUBT_SECONDS)
        return [storage_key.decode() for storage_key in found]

    async def make_on_unused(self, storage_key: str) -> Claim | None:
        """Claim a key that nothing refers to, as for a writer; None when it is in use."""
        claim = self._new(storage_key, names.unique_name_of(storage_key))
        if not await commands.hsetnx(self._redis, keys.CLAIMS, storage_key, claim.value):
            return None
        raw = await commands.hget(self._redis, keys.ENTRIES, claim.uuid)
        if raw is None or entry_json.read(raw).storage_key != storage_key:
            return claim
        await self.release(claim)
        return None

    async def forget_doubt(self, storage_key: str) -> None:
        await self._redis.zrem(keys.DOUBTFUL, storage_key)


def interrupted() -> Unavailable:
    """Return the error of a writer that was taken for dead: it has lost its claim."""
    return Unavailable("The upload was interrupted for too long.", "Send it again.")
