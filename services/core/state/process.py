"""The identity of a process, and the sign that it lives.

What a process owns, such as claims on storage keys and files in a spool, has its name. If the process is dead, others
may take these over.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.exceptions import RedisError

from services.core.state import keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis

ALIVE_SECONDS = 10
"""A process without a sign of life for so long is taken for dead."""
_BEAT_SECONDS = 1


class Process:
    """This process. `name` is unique among all processes that were ever started, on all machines."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Give signs of life while the context is open."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()

    async def is_alive(self, name: str) -> bool:
        """Say whether a process is this one or has given a recent sign of life; raises RedisError."""
        return name == self.name or bool(await self._redis.exists(keys.alive(name)))

    async def _beat(self) -> None:
        while not is_cancelled():
            with suppress(RedisError):  # Redis may be down for a while; the next sign comes anyway.
                await self._redis.set(keys.alive(self.name), b"1", ex=ALIVE_SECONDS)
            await asyncio.sleep(_BEAT_SECONDS)
