"""Moves of assets in Redis: an asset gets another path in one step. It is found by its old ones while they are free.

A move does not change the creation number of an asset. So an old path leads to this number, and the order of the
catalog says which entry has it now. After several moves there is nothing to follow and nothing to rewrite, and an asset
that comes later to a path on the way is never taken for the moved one. An asset that is created at an old path takes
it. With an asset, its old paths end.
"""

from collections.abc import AsyncIterator

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.observing import origin
from services.core.state import changes, entry_json, keys
from services.core.state.changes import number_of
from services.core.state.claim import Claim
from services.core.state.claims import interrupted
from services.core.state.compare_and_set import Commit, Found
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.state.stale_claims import Leftover

_SCANNED = 500


class PathTaken(Exception):
    """There is an asset at the new path. Nothing was written."""


class OldPaths:
    """The paths from which assets were moved. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._forget = Script(client, "forget_old", moved=keys.MOVED, old_paths=keys.OLD_PATHS)

    async def left_before(self, number: int) -> AsyncIterator[tuple[str, int]]:
        """Yield the creation numbers of assets, and how many of their old paths they left before the change with a
        number. One that is moved meanwhile may be yielded twice."""
        async for asset, lines in self._redis.hscan_iter(keys.OLD_PATHS, count=_SCANNED):
            count = sum(int(line.split(b" ", 1)[0]) < number for line in lines.splitlines())
            if count:
                yield asset.decode(), count

    async def forget(self, asset: str, number: int) -> int:
        """Lead nobody any more to an asset from the paths that it left before the change with a number; return how many
        these were."""
        return int(await self._forget(asset=asset, before=number))


class Moving:
    def __init__(self, client: Redis) -> None:
        self._move = Script(
            client,
            "move",
            claims=keys.CLAIMS,
            undescribed=keys.UNDESCRIBED,
            reductions=keys.REDUCTIONS,
            retired=keys.RETIRED,
            versions=keys.VERSIONS,
            trash=keys.TRASH,
            **changes.WRITES,
        )

    async def move(self, old: Found, entry: Entry, claim: Claim) -> Commit | None:
        """Store `entry`, which has another path and refers to the claimed object, in the place of `old`.

        None if something else is stored by now. Raises PathTaken, Unavailable if the claim has been lost, and
        RedisError.
        """
        before = old.entry
        outcome, detail, reduction = await self._move(
            entry_key=before.key,
            uuid=before.uuid,
            other_names=" ".join(identity.other_names(before.uuid, before.unique_name)),
            unique_name=before.unique_name,
            original_name=before.original_name,
            obsolete=before.storage_key,
            expected=old.raw,
            new_key=entry.key,
            new_uuid=entry.uuid,
            new_names=" ".join(identity.other_names(entry.uuid, entry.unique_name)),
            new_name=entry.unique_name,
            by_path=identity.asset_uuid(entry.unique_name),
            wanted=entry_json.write(entry),
            expires="" if entry.expires_at is None or entry.expired else repr(entry.expires_at),
            claimed=claim.storage_key,
            claim=claim.value,
            write=changes.token(),
            **origin.passed_on(),
        )
        if outcome == b"taken":
            raise PathTaken
        if outcome == b"unclaimed":
            raise interrupted()
        if outcome != b"moved":
            return None
        left_reduction = Leftover(before.key, reduction.decode()) if reduction else None
        return Commit(number_of(detail), Leftover(before.key, before.storage_key), left_reduction)
