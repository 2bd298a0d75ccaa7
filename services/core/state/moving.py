"""Moves of assets in Redis: an asset gets another path in one step. It is found by its old ones while they are free.

A move does not change the creation number of an asset. So an old path leads to this number, and the order of the
catalog says which entry has it now. After several moves there is nothing to follow and nothing to rewrite, and an asset
that comes later to a path on the way is never taken for the moved one. An asset that is created at an old path takes
it. With an asset, its old paths end.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.core.assets import events, identity
from services.core.assets.entries import Entry
from services.core.assets.names import is_unique_name
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
_LINE = re.compile(r"([0-9]{1,16}) (\S+) ")


class PathTaken(Exception):
    """There is an asset at the new path. Nothing was written."""


@dataclass(frozen=True, slots=True)
class OldPath:
    """A path from which an asset was moved. `number` is that of the move."""

    number: int
    path: str

    @property
    def names(self) -> list[str]:
        """What an asset is found by there: its uuid and its entry key, unless another asset has one of them."""
        return [identity.entry_key(self.path), identity.asset_uuid(self.path)]


def understood(lines: bytes) -> list[OldPath]:
    """Read what is known of an asset, as lua/old_addresses.lua writes it. What cannot be understood is left out."""
    found = (_LINE.match(line) for line in lines.decode(errors="replace").split("\n"))
    return [OldPath(int(line[1]), line[2]) for line in found if line and is_unique_name(line[2])]


def written(old_paths: Sequence[OldPath]) -> str:
    """Write it again."""
    return "\n".join(" ".join((str(one.number), one.path, *one.names)) for one in old_paths)


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
            counted=keys.USAGE_COUNTED,
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
            namespace=entry.namespace,
            growth=entry.size - before.size,
            expires="" if entry.due_at is None else repr(entry.due_at),
            claimed=claim.storage_key,
            claim=claim.value,
            write=changes.token(),
            event=events.written(before, entry).to_text(),
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
