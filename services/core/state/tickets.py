"""What Redis knows of tickets: the key that signs them, unless one is configured, and their uses.

A *use* is taken when an upload begins, so that a ticket for one file does not let two begin. It is counted for good
just before the catalog is written, and given back if nothing is written. Until it is counted it belongs to an upload
that is alive: the use of a dead one is free again, and a dead one that wakes up finds that its use is gone. So a kill
at any moment never makes two assets of one use. Only between the count and the write does it cost the use.

Nothing here is called for a ticket whose signature is wrong: strangers leave nothing in Redis.
"""

import secrets

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.script import Script

_KEY_BYTES = 32


class TicketRecords:
    """Reads and writes them. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._take, self._count = Script(client, "take_use"), Script(client, "count_use")

    async def key(self) -> str | None:
        """Return the key of this Redis that signs tickets, None if none has been made."""
        found: bytes | None = await self._redis.get(keys.TICKET_KEY)
        return found.decode() if found else None

    async def make_key(self) -> str:
        """Return that key. The first call makes it."""
        await self._redis.set(keys.TICKET_KEY, secrets.token_hex(_KEY_BYTES), nx=True)
        return await self.key() or await self.make_key()

    async def take(self, ticket: str, upload: str, *, alive: str, most: int, ends: int) -> bool:
        """Take one of `most` uses for an upload; say whether there was one.

        `alive` is the key in Redis that is there as long as the upload can still go on. `ends` is when nobody needs
        the record any more, in seconds since 1970.
        """
        return bool(await self._take(uses=keys.ticket(ticket), upload=upload, alive=alive, most=most, ends=ends))

    async def count(self, ticket: str, upload: str) -> bool:
        """Count the use of an upload for good. False: the upload was taken for dead, and must not be finished."""
        return bool(await self._count(uses=keys.ticket(ticket), upload=upload))

    async def give_back(self, ticket: str, upload: str) -> None:
        """Give back the use of an upload that has written nothing."""
        await self._redis.hdel(keys.ticket(ticket), upload)  # type: ignore[misc]
