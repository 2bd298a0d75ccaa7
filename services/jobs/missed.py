"""What nodes of the gateway have missed: kept for each, and made up for when it is back.

A change does not wait for a node that is away: the others are purged, and its keys are noted under its name. They are
kept for longer than any cache keeps an answer, so a node that never comes back is nobody's business, and one that was
taken out of the configuration and comes back within that time still makes up for everything.
"""

import logging
import time
from collections.abc import Iterable

from services.core import keys, logs
from services.core.redis import Redis, script
from services.core.variants import KEPT_SECONDS
from services.jobs.nginx import Tiers

log = logging.getLogger(__name__)

_AT_ONCE = 200


class MissedPurges:
    """The notes in Redis, for each node by its configured address: cache keys by the time that they were missed."""

    def __init__(self, client: Redis, tiers: Tiers) -> None:
        self._redis, self._tiers = client, tiers
        self._settle = script(client, "settle")

    async def note(self, nodes: Iterable[str], cache_keys: Iterable[str]) -> None:
        """Note keys for nodes that have missed their purge."""
        noted = dict.fromkeys(cache_keys, time.time())
        async with self._redis.pipeline(transaction=True) as pipeline:
            for node in nodes:
                pipeline.zadd(keys.missed(node), noted)
                pipeline.expire(keys.missed(node), KEPT_SECONDS)
            await pipeline.execute()

    async def make_up(self) -> set[str]:
        """Have every node that is back make up for what it has missed, and return the keys that the cache tier had to.

        An edge may have taken those from there in the moment since it is back.
        """
        nodes = dict.fromkeys((*self._tiers.cache_nodes, *self._tiers.edge_nodes))
        made_up = {node: await self._make_up(node) for node in nodes}
        return set().union(*(made_up[node] for node in self._tiers.cache_nodes))

    async def _make_up(self, node: str) -> set[str]:
        made_up: set[str] = set()
        while missed := await self._redis.zrange(keys.missed(node), 0, _AT_ONCE - 1, withscores=True):
            cache_keys = [member.decode() for member, _ in missed]
            if not await self._tiers.make_up(node, cache_keys):
                return made_up
            # At once: Redis writes each command to the disk, and while the node is away more is missed all the time.
            async with self._redis.pipeline(transaction=False) as pipeline:
                for member, at in missed:
                    # One that was missed again meanwhile stays.
                    await self._settle(keys=[keys.missed(node)], args=[member, at], client=pipeline)
                await pipeline.execute()
            made_up.update(cache_keys)
        self._tiers.is_back(node)
        if made_up:
            logs.event(log, logging.INFO, "purge_made_up", node=node, keys=len(made_up))
        return made_up
