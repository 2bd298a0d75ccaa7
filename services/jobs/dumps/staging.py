"""A catalog that is loaded beside the live one and then replaces it at one instant."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.errors import Unavailable
from services.core.observing import origin
from services.core.state import changes, commands, entry_json, keys, moving
from services.core.state.changes import number_of
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.moving import OldPath
from services.core.state.script import Script

STAGED_SECONDS = 60
"""A staged catalog without progress for so long expires: a killed restore leaves nothing behind.

A living one adds entries several times a second.
"""
_BATCH = 500


async def _old_paths_in(copied: Redis) -> AsyncIterator[dict[str, list[OldPath]]]:
    """Yield the old paths of all assets by the keys that their entries have in a copy of a Redis."""
    cursor = 0
    while True:
        cursor, page = await copied.hscan(keys.OLD_PATHS, cursor, count=_BATCH)
        known = {asset: moving.understood(lines) for asset, lines in page.items()}
        known = {asset: old_paths for asset, old_paths in known.items() if old_paths}
        async with copied.pipeline(transaction=False) as pipeline:
            for asset, old_paths in known.items():
                pipeline.zrange(keys.ORDER, asset, asset, byscore=True)
                pipeline.hmget(keys.MOVED, [one.names[0] for one in old_paths])
            found = await pipeline.execute()
        yield {
            # A path that another asset has had since leads nowhere any more.
            entry_keys[0].decode(errors="replace"): [
                one for one, owner in zip(old_paths, owners, strict=True) if owner == asset
            ]
            for (asset, old_paths), entry_keys, owners in zip(known.items(), found[::2], found[1::2], strict=True)
            if entry_keys
        }
        if not cursor:
            return


class Taken(Exception):
    """The catalog that was to be filled has been written to meanwhile. Nothing was changed."""


class Staging:
    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._keys = keys.staged(secrets.token_hex(8))
        staged, order, expiry, uuids, moved, old_paths = self._keys
        self._switch = Script(
            client,
            "restore",
            sequence=keys.SEQUENCE,
            undescribed=keys.UNDESCRIBED,
            staged_entries=staged,
            staged_order=order,
            staged_expiry=expiry,
            staged_uuids=uuids,
            staged_moved=moved,
            staged_old_paths=old_paths,
            **changes.REPLACES,
        )
        self._count = 0
        self._bytes: Counter[str] = Counter()
        self._assets: Counter[str] = Counter()

    async def add(self, entries: Sequence[Entry]) -> None:
        """Load entries after those that are loaded."""
        if not entries:
            return
        staged, order, expiry, uuids, *_ = self._keys
        keyed = {entry.key: entry for entry in entries}
        due = {key: end for key, entry in keyed.items() if (end := entry.due_at) is not None}
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
        for entry in keyed.values():
            self._bytes[entry.namespace] += entry.size
            self._assets[entry.namespace] += 1

    async def rename(self, entry_keys: Sequence[str]) -> None:
        """Have loaded entries show the MD5 of their paths: what they showed follows from the path of another."""
        staged, _, _, uuids, *_ = self._keys
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

    async def add_old_paths(self, copied: Redis) -> None:
        """Load the old paths that the copy of a Redis knows of, as far as their assets are loaded and nobody else is at
        these paths."""
        staged, order, _, _, moved, known = self._keys
        async for assets in _old_paths_in(copied):
            numbers = await self._redis.zmscore(order, list(assets)) if assets else []
            entry_keys = [one.names[0] for old_paths in assets.values() for one in old_paths]
            raws = await commands.hmget(self._redis, staged, entry_keys) if entry_keys else []
            taken = {key for key, raw in zip(entry_keys, raws, strict=True) if raw}
            async with self._redis.pipeline(transaction=False) as pipeline:
                for number, old_paths in zip(numbers, assets.values(), strict=True):
                    free = [one for one in old_paths if one.names[0] not in taken]
                    if number is not None and free:
                        asset = int(number)
                        pipeline.hset(moved, mapping={name: asset for one in free for name in one.names})
                        pipeline.hset(known, str(asset), moving.written(free))
                for key in self._keys:
                    pipeline.expire(key, STAGED_SECONDS)
                await pipeline.execute()

    async def switch(self, *, only_untouched: bool = False) -> Commit:
        """Make this the catalog. Readers see the old one or this one.

        The old one stays for readers that have begun with it. Raises Taken if it was to fill a Redis without a catalog,
        and there is one now.
        """
        outcome, change = await self._switch(
            count=self._count,
            counts=" ".join(f"{name} {self._bytes[name]} {count}" for name, count in self._assets.items()),
            only_untouched=int(only_untouched),
            write=changes.token(),
            **origin.passed_on(),
        )
        if outcome == b"taken":
            raise Taken
        if outcome == b"lost":
            raise Unavailable("The loaded entries of the dump are gone from Redis.", "Restore the dump again.")
        return Commit(number_of(change))

    async def drop(self) -> None:
        """Remove what is loaded. After `switch` there is nothing to remove."""
        await self._redis.unlink(*self._keys)
