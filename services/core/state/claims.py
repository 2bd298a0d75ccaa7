"""Claims: the right of one process to write or delete what lies under a storage key.

Bytes and entry live in two places, so a stored object is always in one of four states: an entry refers to it, it is
*retired* (see `retired`), a *claim* names it, or it is free. A writer claims a storage key before it stores bytes, and
the write that makes the entry refer to them gives the claim up in the same step (see `compare_and_set`). An object that
a change leaves behind gets an `obsolete` claim in that step too. If any process dies in between, the claim remains, and
the reaper finds what has to be deleted (see `stale_claims`).

A claim stays until its object is settled, and no claim stays with a process that does not work on it. A process knows
the claims that it works on by their marks. If Redis did not answer, there may be a claim that no process knows, or a
claim that was not released. `tidy` repeats the releases that Redis may have missed, and abandons claims on which nobody
works.

A storage that replaces files in place has one key for all versions of an asset. There a claim is exclusive also while
an entry refers to the key, and holds the entry that its writer is about to make: if a process dies in between, the
storage has the bytes of the old entry or of that one, and the reaper can tell which.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from redis.exceptions import RedisError

from services.core.assets import identity, names, reductions
from services.core.assets.entries import Entry
from services.core.errors import Unavailable
from services.core.state import commands, entry_json, keys
from services.core.state.claim import ABANDONED, KEPT, Claim, numbered
from services.core.state.connection import Redis
from services.core.state.process import Process
from services.core.state.script import Script

CLAIM_SECONDS = 5.0
"""How long a writer waits for another writer of the same key. A delete by the jobs worker takes far less."""
_CLAIM_POLL_SECONDS = 0.02


class Claims:
    """The claims that a process makes. All methods but `release` and `give_up` raise RedisError."""

    def __init__(self, client: Redis, process: Process) -> None:
        self._redis, self._process = client, process
        self._claim = Script(client, "claim", entries=keys.ENTRIES, claims=keys.CLAIMS, retired=keys.RETIRED)
        self._release = Script(client, "release", claims=keys.CLAIMS)
        self._exchange = Script(client, "exchange", claims=keys.CLAIMS)
        self._worked_on: set[str] = set()
        self._unreleased: list[Claim] = []
        self._is_unsure = False

    async def are_made(self, storage_keys: Sequence[str]) -> list[bool]:
        """Say of each storage key whether somebody writes or deletes what lies under it."""
        found = await commands.hmget(self._redis, keys.CLAIMS, storage_keys) if storage_keys else []
        return [claim is not None for claim in found]

    # Making

    async def make(self, unique_name: str) -> Claim:
        """Claim the plain storage key of an asset, or a spare one while the plain one is in use, or while a delete of
        an object there may still be on its way.
        """
        plain = self._new(names.plain_storage_key(unique_name), unique_name)
        with self.working_on(plain):
            key = await self._claim(
                late_delete=keys.late_delete(plain.storage_key),
                entry_key=plain.entry_key,
                plain=plain.storage_key,
                spare=names.spare_storage_key(unique_name),
                claim=plain.value,
            )
        return Claim(key.decode(), plain.value)

    async def make_spare(self, unique_name: str) -> Claim:
        """Claim a unique key, if the storage already holds something under the plain one."""
        claim = self._new(names.spare_storage_key(unique_name), unique_name)
        with self.working_on(claim):
            await commands.hset(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return claim

    async def make_on_stored(self, unique_name: str) -> Claim | None:
        """Claim the plain key of an asset whose bytes lie there already; None while somebody writes or deletes it.

        The bytes stay even if the process dies: they were there before.
        """
        claim = self._new(names.plain_storage_key(unique_name), unique_name, KEPT)
        return claim if await self._make(claim) else None

    async def make_for_reduction(self, unique_name: str) -> Claim:
        """Claim a new storage key for the reduction of an asset's picture. Nobody else ever has this key."""
        claim = self._new(f"{reductions.PREFIX}{names.spare_storage_key(unique_name)}", unique_name)
        await self._make(claim)
        return claim

    async def make_in_place(self, unique_name: str) -> Claim:
        """Claim the one key of an asset. Wait while another writer has it; raises Unavailable if that takes too
        long."""
        deadline = time.monotonic() + CLAIM_SECONDS
        claim = self._new(names.plain_storage_key(unique_name), unique_name)
        while not await self._make(claim):
            if time.monotonic() > deadline:
                raise Unavailable(f"{unique_name} is being written or deleted.", "Try again in a moment.")
            await asyncio.sleep(_CLAIM_POLL_SECONDS)
        return claim

    async def make_on_unused(self, storage_key: str) -> Claim | None:
        """Claim a key that nothing refers to, as for a writer; None when it is in use."""
        claim = self._new(storage_key, names.unique_name_of(storage_key))
        if not await self._make(claim):
            return None
        with self.working_on(claim):
            # At one instant: an object can be retired, or taken back, at any time.
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hget(keys.ENTRIES, claim.entry_key)
                pipeline.hexists(keys.RETIRED, storage_key)
                raw, is_retired = await pipeline.execute()
        if not is_retired and (raw is None or entry_json.read(raw).storage_key != storage_key):
            return claim
        await self.release(claim)
        return None

    async def intend(self, claim: Claim, entry: Entry) -> Claim:
        """Add to a claim what entry its writer is about to make; raises Unavailable when the claim is lost."""
        meant = Claim(claim.storage_key, f"{claim.mark} {entry_json.write(entry).decode()}")
        if not await self._exchange(storage_key=claim.storage_key, claim=claim.value, wanted=meant.value):
            raise interrupted()
        return meant

    def _new(self, storage_key: str, unique_name: str, *flags: str) -> Claim:
        return Claim(storage_key, f"{self._process.name} {numbered(identity.entry_key(unique_name), *flags)}")

    async def _make(self, claim: Claim) -> bool:
        with self.working_on(claim):
            made = bool(await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value))
            if not made:  # Unless the command was sent twice, because its answer was lost.
                made = await commands.hget(self._redis, keys.CLAIMS, claim.storage_key) == claim.value.encode()
        if not made:
            self.spent(claim)
        return made

    # Ending claims

    @contextmanager
    def working_on(self, claim: Claim) -> Iterator[None]:
        """Work on a claim from now on. If the request to Redis fails, it is not known whether the claim was made."""
        self._worked_on.add(claim.mark)
        try:
            yield
        except BaseException:
            self._worked_on.discard(claim.mark)
            self._is_unsure = True
            raise

    def works_on(self, claim: Claim) -> bool:
        return claim.mark in self._worked_on

    def spent(self, claim: Claim) -> None:
        """Note that a claim is no longer there: the entry has been written, or somebody else has it."""
        self._worked_on.discard(claim.mark)

    async def release(self, claim: Claim) -> None:
        """Give up a claim whose object needs no work: it does not exist, or an entry refers to it.

        If Redis is away, `tidy` does it later.
        """
        self._unreleased.append(claim)
        with suppress(RedisError):
            await self._release_one(claim)

    async def give_up(self, claims: Sequence[Claim]) -> None:
        """Leave claims that cannot be settled now to any other process. If Redis is away, `tidy` does it later."""
        for claim in claims:
            self._worked_on.discard(claim.mark)
            try:
                await self._abandon(claim)
            except RedisError:
                self._is_unsure = True

    async def tidy(self) -> None:
        """Repeat releases and abandon claims that Redis may have missed; costs nothing if Redis has always answered."""
        for claim in tuple(self._unreleased):
            await self._release_one(claim)
        if not self._is_unsure:
            return
        self._is_unsure = False
        try:
            async for storage_key, value in self._redis.hscan_iter(keys.CLAIMS, count=100):
                claim = Claim(storage_key.decode(), value.decode())
                if claim.owner == self._process.name and not self.works_on(claim):
                    await self._abandon(claim)
        except BaseException:
            self._is_unsure = True
            raise

    async def _release_one(self, claim: Claim) -> None:
        await self._release(storage_key=claim.storage_key, claim=claim.value)
        with suppress(ValueError):  # Another task has done it meanwhile.
            self._unreleased.remove(claim)
        self.spent(claim)

    async def _abandon(self, claim: Claim) -> None:
        await self._exchange(storage_key=claim.storage_key, claim=claim.value, wanted=claim.of(ABANDONED).value)


def interrupted() -> Unavailable:
    """Return the error of a writer that was taken for dead: it has lost its claim."""
    return Unavailable("The upload was interrupted for too long.", "Send it again.")
