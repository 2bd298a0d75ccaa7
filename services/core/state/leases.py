"""Leases: the right of one run to do something alone. A lease ends by itself if its process dies."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.exceptions import RedisError

from services.core.state import keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.script import Script

LEASE_SECONDS = 8.0
"""Without a sign of life for so long, a run has lost its leases."""
_RENEW_SECONDS = 1.0


class LeaseLost(Exception):
    """The run was taken for dead, or Redis was away for too long: another run may have started."""


class Leases:
    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._renew = Script(client, "renew")
        self._give_up = Script(client, "give_up")

    async def take(self, what: str, token: str) -> bool:
        """Take a lease; say whether it was free."""
        taken = await self._redis.set(keys.lease(what), token, nx=True, px=int(LEASE_SECONDS * 1000))
        return bool(taken)

    async def give_up(self, what: str, token: str) -> None:
        """Give a lease up if this run still has it."""
        await self._give_up(lease=keys.lease(what), token=token)

    @asynccontextmanager
    async def kept(self, held: Sequence[str], token: str) -> AsyncIterator[None]:
        """Renew leases while the context is open; raises LeaseLost inside it if they are lost."""
        lost = False
        current = asyncio.current_task()
        assert current is not None

        async def renew() -> None:
            nonlocal lost
            until = time.monotonic() + LEASE_SECONDS
            while time.monotonic() < until:
                await asyncio.sleep(_RENEW_SECONDS)
                asked = time.monotonic()
                with suppress(RedisError):
                    leases = [keys.lease(what) for what in held]
                    if not await self._renew(leases=leases, token=token, milliseconds=int(LEASE_SECONDS * 1000)):
                        break
                    until = asked + LEASE_SECONDS
                if is_cancelled():
                    return
            lost = True
            current.cancel()

        renewing = asyncio.create_task(renew())
        try:
            yield
        except asyncio.CancelledError:
            if lost and not current.uncancel():
                raise LeaseLost from None
            raise
        finally:
            renewing.cancel()
