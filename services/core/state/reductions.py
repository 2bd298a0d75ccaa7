"""What the catalog knows of the reductions of its pictures. See `assets/reductions` for what they are.

It lies beside the entries and not in them: clients need it for nothing, dumps do not have it, and a service of the
previous version can read the entries. A record counts as long as its entry refers to the bytes that it shows. A write
that ends that removes the record in the same step, and leaves the reduction behind like an object (see
`compare_and_set`). Where the whole catalog is replaced, records stay, and the job *reduce* removes those that show
nothing any more.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict, fields
from typing import Any

import orjson

from services.core.assets.entries import Entry
from services.core.assets.reductions import REVISION, Part, Reduction
from services.core.state import commands, keys
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.state.stale_claims import Leftover

PAGE = 500
_FIELDS = frozenset(field.name for field in fields(Reduction))
_FIELDS_OF_PART = frozenset(field.name for field in fields(Part))


def read(raw: bytes) -> Reduction:
    """Read a stored record. Fields that only a later version knows are passed over: both may run during an upgrade."""
    known = _known(orjson.loads(raw), _FIELDS)
    smaller = tuple(Part(**_known(part, _FIELDS_OF_PART)) for part in known.pop("smaller", ()))
    return Reduction(**known, smaller=smaller)


def _known(stored: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name in names}


def setting(side: int) -> str:
    """Write for which setting the job *reduce* is done."""
    return f"{side} {REVISION}"


class Reductions:
    """The records in Redis. All methods raise RedisError."""

    def __init__(self, client: Redis, claims: Claims) -> None:
        self._redis, self._claims = client, claims
        self._record = Script(
            client, "record_reduction", entries=keys.ENTRIES, reductions=keys.REDUCTIONS, claims=keys.CLAIMS
        )
        self._drop = Script(client, "drop_reduction", reductions=keys.REDUCTIONS, claims=keys.CLAIMS)

    async def of(self, entry: Entry) -> Reduction | None:
        """Return the reduction of what an entry refers to, None if there is none."""
        raw = await commands.hget(self._redis, keys.REDUCTIONS, entry.key)
        found = read(raw) if raw else None
        return found if found and found.shows(entry) else None

    async def raws(self, entry_keys: list[str]) -> list[bytes | None]:
        """Return records as they are stored, by entry keys; None for each that does not exist."""
        return await commands.hmget(self._redis, keys.REDUCTIONS, entry_keys) if entry_keys else []

    async def pages(self) -> AsyncIterator[dict[str, bytes]]:
        """Yield all records as they are stored, by entry keys, a page at a time. One may come twice."""
        at = -1
        while at:
            at, found = await self._redis.hscan(keys.REDUCTIONS, max(at, 0), count=PAGE)
            yield {key.decode(): raw for key, raw in found.items()}

    async def record(self, entry: Entry, reduction: Reduction, claim: Claim) -> bool:
        """Record a reduction, which gives up the claim on it; one from before is left behind.

        False if the entry does not refer to these bytes any more, or if the claim has been lost.
        """
        done = await self._record(
            entry_key=entry.key,
            signature=reduction.of,
            storage_key=reduction.storage_key,
            claim=claim.value,
            record=orjson.dumps(asdict(reduction)),
        )
        if done:
            self._claims.spent(claim)
        return bool(done)

    async def all_made_for(self) -> str:
        """Return the setting for which the job *reduce* was done last; empty if it never was."""
        return (await self._redis.get(keys.REDUCED) or b"").decode()

    async def note_all_made_for(self, side: int) -> None:
        await self._redis.set(keys.REDUCED, setting(side))

    async def forget_all(self) -> None:
        """Remove all records, and none of the reductions."""
        await self._redis.unlink(keys.REDUCTIONS)

    async def drop(self, entry_key: str, raw: bytes) -> Leftover | None:
        """Remove a record that is as it was read; return what that leaves behind, None if it is another one by now."""
        if not await self._drop(entry_key=entry_key, record=raw):
            return None
        return Leftover(entry_key, read(raw).storage_key)
