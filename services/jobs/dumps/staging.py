"""A catalog that is loaded beside the live one and then takes its place at one instant."""

import secrets
from collections.abc import Sequence

from services.core.assets.entries import Entry
from services.core.errors import Unavailable
from services.core.observing import origin
from services.core.state import changes, entry_json, keys
from services.core.state.changes import number_of
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.script import Script

STAGED_SECONDS = 3600
"""After that long without progress a staged catalog is gone: a killed restore leaves nothing for good."""


class Taken(Exception):
    """The live catalog is not the untouched one that was to be filled: nothing was changed."""


class Staging:
    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._keys = keys.staged(secrets.token_hex(8))
        staged, order, expiry = self._keys
        self._switch = Script(
            client,
            "restore",
            entries=keys.ENTRIES,
            order=keys.ORDER,
            expiry=keys.EXPIRY,
            sequence=keys.SEQUENCE,
            revision=keys.REVISION,
            changes=keys.CHANGES,
            epoch=keys.EPOCH,
            undescribed=keys.UNDESCRIBED,
            staged_entries=staged,
            staged_order=order,
            staged_expiry=expiry,
            aside=keys.ASIDE,
            read_seconds=keys.ASIDE_READ_SECONDS,
            aside_seconds=keys.ASIDE_SECONDS,
            kept=changes.KEPT,
        )
        self._count = 0

    async def add(self, entries: Sequence[Entry]) -> None:
        """Load entries behind those that are loaded."""
        if not entries:
            return
        staged, order, expiry = self._keys
        ends = {entry.uuid: entry.expires_at for entry in entries if not entry.expired}
        due = {uuid: end for uuid, end in ends.items() if end is not None}
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(staged, mapping={entry.uuid: entry_json.write(entry) for entry in entries})
            pipeline.zadd(order, {entry.uuid: self._count + at for at, entry in enumerate(entries, 1)})
            if due:
                pipeline.zadd(expiry, due)
            for key in self._keys:
                pipeline.expire(key, STAGED_SECONDS)
            await pipeline.execute()
        self._count += len(entries)

    async def switch(self, *, only_untouched: bool = False) -> Commit:
        """Make this the catalog. Readers see the old one or this one; the old one stays for those who are reading it.

        Raises Taken when it was to fill a Redis that had no catalog, and there is one now.
        """
        outcome, change = await self._switch(
            count=self._count, only_untouched=int(only_untouched), **origin.passed_on()
        )
        if outcome == b"taken":
            raise Taken
        if outcome == b"lost":
            raise Unavailable("What was loaded of the dump is gone from Redis.", "Restore it again.")
        return Commit(number_of(change))

    async def drop(self) -> None:
        """Remove what is loaded; of what has become the catalog, nothing is left here."""
        await self._redis.unlink(*self._keys)
