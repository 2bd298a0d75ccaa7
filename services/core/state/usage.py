"""What each namespace has: bytes and assets, counted in the scripts that change them (see lua/counting.lua).

The files of entries are counted, and apart from them those of retired objects: earlier versions and the trash. The
files of reductions are not, and neither are those that wait to be deleted.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from services.core.assets import quotas
from services.core.assets.quotas import Quota, Quotas
from services.core.state import commands, keys
from services.core.state.connection import Redis


@dataclass(frozen=True, slots=True)
class Used:
    """What a namespace has. The retired objects are its earlier versions and its trash."""

    bytes: int = 0
    assets: int = 0
    retired_bytes: int = 0
    retired: int = 0

    @property
    def total(self) -> Quota:
        """What counts for its quota."""
        return Quota(self.bytes + self.retired_bytes, self.assets)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of all namespaces that have, or have had, anything. Until they are complete, they are too small."""

    of: Mapping[str, Used]
    is_complete: bool


async def counts(client: Redis) -> Counts:
    """Read the counts; raises RedisError."""
    found = await commands.hgetall(client, keys.USAGE)
    named: dict[str, dict[str, int]] = defaultdict(dict)
    for field, value in found.items():
        namespace, is_count, what = field.decode().partition(" ")
        if is_count:
            named[namespace][what] = int(value)
    is_complete = all(found.get(name) == b"all" for name in (b"upto", b"at"))
    return Counts({namespace: Used(**counts) for namespace, counts in named.items()}, is_complete)


class Room:
    """Knows how much room namespaces have. All methods raise RedisError."""

    def __init__(self, client: Redis, limits: Quotas) -> None:
        self._redis, self._limits = client, limits

    async def counts(self) -> Counts:
        return await counts(self._redis)

    async def check(self, namespace: str, needed: Quota) -> None:
        """Raise QuotaExceeded if a namespace has no room for what is needed: then nothing has to be stored.

        The write itself looks again, in the step in which it counts: two at once cannot both have the last room.
        """
        if quota := self._limits.get(namespace):
            used = (await self.counts()).of.get(namespace, Used())
            quotas.check(namespace, quota, used.total, needed)
