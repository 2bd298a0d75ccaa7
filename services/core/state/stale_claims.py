"""Stale claims: on objects that have to be settled, because no process works on them any more.

A claim is stale if it is obsolete or abandoned, if its owner died, or if its owner does not know of it. A process that
takes it over settles it at once, or gives it up again. So processes try it until the object is settled.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.core.state import commands, keys
from services.core.state.claim import OBSOLETE, Claim
from services.core.state.claims import Claims
from services.core.state.connection import Redis
from services.core.state.process import Process
from services.core.state.script import Script


@dataclass(frozen=True, slots=True)
class StaleClaim:
    """A claim that was taken over.

    `obsolete`: a change has left the object behind, and no process has tried to delete it. `tried`: a process has tried
    to delete it, and the storage may still carry that delete out.
    """

    claim: Claim
    obsolete: bool
    tried: bool


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that a change of the entry with this key has left behind: it has an obsolete claim."""

    entry_key: str
    storage_key: str


class StaleClaims:
    """The claims that a process takes over. All methods raise RedisError."""

    def __init__(self, client: Redis, process: Process, claims: Claims) -> None:
        self._redis, self._process, self._claims = client, process, claims
        self._reap = Script(
            client,
            "reap",
            entries=keys.ENTRIES,
            reductions=keys.REDUCTIONS,
            claims=keys.CLAIMS,
            retired=keys.RETIRED,
        )

    async def take_all(self) -> AsyncIterator[StaleClaim]:
        """Take over every stale claim; yield those whose object needs work."""
        await self._claims.tidy()
        async for storage_key, value in self._redis.hscan_iter(keys.CLAIMS, count=100):
            stale = await self._take(Claim(storage_key.decode(), value.decode()))
            if stale:
                yield stale

    async def take_leftover(self, leftover: Leftover) -> StaleClaim | None:
        """Take over the claim on an object that a change has just left behind; None if somebody else has it."""
        value = await commands.hget(self._redis, keys.CLAIMS, leftover.storage_key)
        claim = Claim(leftover.storage_key, value.decode()) if value else None
        if claim is None or (claim.owner, claim.entry_key) != (OBSOLETE, leftover.entry_key):
            return None
        return await self._take(claim)

    async def take_back(self, claim: Claim) -> StaleClaim | None:
        """Return the claim that this process has to settle after its own write failed; None if an entry refers to the
        object.

        If the claim was lost to a reaper meanwhile, it is made again. Also None while another process has it.
        """
        with self._claims.working_on(claim):
            await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
            value = await commands.hget(self._redis, keys.CLAIMS, claim.storage_key)
        # Redis may have the intended entry, though the answer to that was lost.
        found = Claim(claim.storage_key, value.decode()) if value else claim
        if found.mark != claim.mark:
            self._claims.spent(claim)
            return None
        return await self._take_over(found, found, keys.alive(""))

    async def still_has(self, stale: StaleClaim) -> bool:
        """Say whether this process may still delete an object that it took over: checked right before deleting."""
        holder = await commands.hget(self._redis, keys.CLAIMS, stale.claim.storage_key)
        return holder is not None and holder.decode() == stale.claim.value

    async def _take(self, claim: Claim) -> StaleClaim | None:
        if claim.owner == self._process.name:
            # This process lives. Claims that it works on are its own; the others were left when an answer of Redis was
            # lost.
            return None if self._claims.works_on(claim) else await self._take_over(claim, claim, keys.alive(""))
        return await self._take_over(claim, claim.of(self._process.name), keys.alive(claim.owner))

    async def _take_over(self, claim: Claim, mine: Claim, alive_key: str) -> StaleClaim | None:
        obsolete = claim.owner == OBSOLETE
        # A writer that has stored its intended entry replaces in place, so a reference to the key proves nothing.
        in_place = not claim.is_leftover and claim.intended is not None
        with self._claims.working_on(mine):
            taken = await self._reap(
                alive=alive_key,
                storage_key=claim.storage_key,
                claim=claim.value,
                entry_key=claim.entry_key,
                mine=mine.value,
                in_place=int(in_place),
            )
        if taken:
            return StaleClaim(mine, obsolete, claim.was_taken)
        self._claims.spent(mine)
        return None
