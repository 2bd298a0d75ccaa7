"""How far the caches are: up to which change every node of the gateway has all of them.

The jobs workers tell it to whoever waits for a change to be seen by the public. What they tell is lost with nobody
listening and costs Redis no writing: it is told again every second.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from services.core.state import channel, keys
from services.core.state.connection import Redis

TOLD_SECONDS = 1.0
"""How often a worker tells it when nothing changes."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Numbers of changes: the last one in the log, the last one that every node has, and the last one that every node
    has which can be reached."""

    logged: int
    everywhere: int
    reachable: int

    def to_text(self) -> str:
        return f"{self.logged} {self.everywhere} {self.reachable}"

    @classmethod
    def from_text(cls, text: bytes) -> "Reached":
        return cls(*map(int, text.split()))


NOWHERE = Reached(0, 0, 0)


async def tell(client: Redis, reached: Reached) -> None:
    """Tell all who follow; raises RedisError."""
    await client.publish(keys.PROGRESS, reached.to_text())


class Progress:
    """Follows what the workers tell, for one process."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._reached = NOWHERE
        self._waiting: dict[asyncio.Future[bool], int] = {}

    def following(self) -> AbstractAsyncContextManager[None]:
        """Listen for as long as the context is open; what Redis' absence interrupts goes on when it is back."""
        return channel.heard(self._redis, keys.PROGRESS, lambda text: self._take(Reached.from_text(text)))

    async def purged(self, number: int, seconds: float) -> bool:
        """Wait up to `seconds` until no cache serves what was before a change.

        False when that takes longer, or when all have it but nodes that are away.
        """
        if self._outcome(number) is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[future] = number
            try:
                async with asyncio.timeout(seconds):
                    return bool(await future)
            except TimeoutError:
                return False
            finally:
                del self._waiting[future]
        return bool(self._outcome(number))

    def _outcome(self, number: int) -> bool | None:
        if number <= self._reached.everywhere:
            return True
        return False if number <= self._reached.reachable else None

    def _take(self, told: Reached) -> None:
        if told.logged < self._reached.everywhere:
            self._reached = told  # The catalog is another one than before, with other numbers.
        else:
            self._reached = Reached(
                told.logged,
                max(told.everywhere, self._reached.everywhere),
                max(told.reachable, self._reached.reachable),
            )
        for future, number in self._waiting.items():
            outcome = self._outcome(number)
            if outcome is not None and not future.done():
                future.set_result(outcome)
