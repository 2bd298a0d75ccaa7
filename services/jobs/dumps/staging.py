"""A catalog that is loaded beside the live one and then replaces it at one instant."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.errors import Unavailable
from services.core.observing import origin
from services.core.state import changes, commands, entry_json, keys
from services.core.state.changes import number_of
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.script import Script

STAGED_SECONDS = 60
"""A staged catalog without progress for so long expires: a killed restore leaves nothing behind.

A living one adds entries several times a second.
"""
_BATCH = 500


class Taken(Exception):
    """The catalog that was to be filled has been written to meanwhile. Nothing was changed."""


class Staging:
    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._keys = keys.staged(secrets.token_hex(8))
        staged, order, expiry, uuids = self._keys
        self._switch = Script(
            client,
            "restore",
            sequence=keys.SEQUENCE,
            undescribed=keys.UNDESCRIBED,
            staged_entries=staged,
            staged_order=order,
            staged_expiry=expiry,
            staged_uuids=uuids,
            **changes.REPLACES,
        )
        self._count = 0

    async def add(self, entries: Sequence[Entry]) -> None:
        """Load entries after those that are loaded."""
        if not entries:
            return
        staged, order, expiry, uuids = self._keys
        keyed = {entry.key: entry for entry in entries}
        ends = {key: entry.expires_at for key, entry in keyed.items() if not entry.expired}
        due = {key: end for key, end in ends.items() if end is not None}
        named = {identity.asset_uuid(entry.unique_name): key for key, entry in keyed.items()}
        others = {
            name: key
            for key, entry in keyed.items()
            for name in identity.other_names(entry.uuid, entry.unique_name)
            if name not in named
        }
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(staged, mapping={key: entry_json.write(entry) for key, entry in keyed.items()})
            pipeline.zadd(order, {key: self._count + at for at, key in enumerate(keyed, 1)})
            pipeline.hset(uuids, mapping=named)
            for name, key in others.items():
                pipeline.hsetnx(uuids, name, key)
            if due:
                pipeline.zadd(expiry, due)
            for key in self._keys:
                pipeline.expire(key, STAGED_SECONDS)
            await pipeline.execute()
        self._count += len(entries)

    async def rename(self, entry_keys: Sequence[str]) -> None:
        """Have loaded entries show the MD5 of their paths: what they showed follows from the path of another."""
        staged, _, _, uuids = self._keys
        for at in range(0, len(entry_keys), _BATCH):
            batch = entry_keys[at : at + _BATCH]
            raws = await commands.hmget(self._redis, staged, batch)
            before = {key: entry_json.read(raw) for key, raw in zip(batch, raws, strict=True) if raw}
            if not before:
                return  # It has expired: `switch` says so.
            shown = [identity.canonical(entry.uuid) or entry.uuid for entry in before.values()]
            owners = await commands.hmget(self._redis, uuids, shown)
            unused = [name for key, name, owner in zip(before, shown, owners, strict=True) if owner == key.encode()]
            after = {
                key: entry_json.write(replace(entry, uuid=identity.asset_uuid(entry.unique_name)))
                for key, entry in before.items()
            }
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(staged, mapping=after)
                if unused:
                    pipeline.hdel(uuids, *unused)
                for key in self._keys:
                    pipeline.expire(key, STAGED_SECONDS)
                await pipeline.execute()

    async def switch(self, *, only_untouched: bool = False) -> Commit:
        """Make this the catalog. Readers see the old one or this one.

        The old one stays for readers that have begun with it. Raises Taken if it was to fill a Redis without a catalog,
        and there is one now.
        """
        outcome, change = await self._switch(
            count=self._count, only_untouched=int(only_untouched), write=changes.token(), **origin.passed_on()
        )
        if outcome == b"taken":
            raise Taken
        if outcome == b"lost":
            raise Unavailable("The loaded entries of the dump are gone from Redis.", "Restore the dump again.")
        return Commit(number_of(change))

    async def drop(self) -> None:
        """Remove what is loaded. After `switch` there is nothing to remove."""
        await self._redis.unlink(*self._keys)
