"""Failed requests to the storage that it may still carry out: for some minutes this is not known."""

import time
from collections.abc import Sequence

from services.core.state import keys
from services.core.state.connection import Redis

DOUBT_SECONDS = 900
"""After so long, no storage carries out a request any more: this is longer than the deadline of any request."""


class Doubts:
    """The storage keys in doubt. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client

    async def note_writes(self, storage_keys: Sequence[str]) -> None:
        """Note keys to which a failed write may still bring bytes: the job *sync* looks at them later."""
        if storage_keys:
            await self._redis.zadd(keys.DOUBTFUL, dict.fromkeys(storage_keys, time.time()))

    async def note_deletes(self, storage_keys: Sequence[str]) -> None:
        """Note keys whose bytes a failed delete may still remove: `Claims.make` takes a spare key meanwhile. A storage
        that replaces in place has no other key, so there the risk stays."""
        for storage_key in storage_keys:
            await self._redis.set(keys.late_delete(storage_key), b"1", ex=DOUBT_SECONDS)

    async def settled_writes(self) -> list[str]:
        """Return the keys that no request can change any more."""
        found = await self._redis.zrangebyscore(keys.DOUBTFUL, "-inf", time.time() - DOUBT_SECONDS)
        return [storage_key.decode() for storage_key in found]

    async def forget_write(self, storage_key: str) -> None:
        await self._redis.zrem(keys.DOUBTFUL, storage_key)
