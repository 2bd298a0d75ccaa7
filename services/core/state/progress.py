"""The progress of the caches: the change up to which every node of the gateway has all changes.

The jobs workers publish it for writers that wait until the public sees a change. A message without a listener is lost,
and Redis writes nothing to its disk. So the progress is published again every second.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

from services.core.state import channel, keys
from services.core.state.connection import Redis

TOLD_SECONDS = 1.0
"""How often a worker publishes it if nothing changes."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Numbers of changes: the last one in the log, the last one that every node has, and the last one that every
    reachable node has."""

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
    """Publish the progress; raises RedisError."""
    await client.publish(keys.PROGRESS, reached.to_text())


class Progress:
    """Follows the progress that the workers publish, for one process. `told` is called with each."""

    def __init__(self, client: Redis, told: Callable[[Reached], None] = lambda _: None) -> None:
        self._redis, self._told = client, told
        self._reached = NOWHERE
        self._news = asyncio.Event()
        self._waiting: dict[asyncio.Future[bool], int] = {}

    def following(self) -> AbstractAsyncContextManager[None]:
        """Listen while the context is open. If Redis goes away, listening continues when it is back."""
        return channel.heard(self._redis, keys.PROGRESS, lambda text: self._take(Reached.from_text(text)))

    @property
    def reached(self) -> Reached:
        """What the workers have published last."""
        return self._reached

    async def beyond(self, known: Reached, seconds: float) -> None:
        """Wait up to `seconds` until there is other progress than what is known."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._reached == known:
                    await self._news.wait()

    async def purged(self, number: int, seconds: float) -> bool:
        """Wait up to `seconds` until no cache serves the state before a change.

        False if that takes longer, or if only nodes that are away lack the change.
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
            self._reached = told  # Redis has another catalog now, with other numbers.
        else:
            self._reached = Reached(
                told.logged,
                max(told.everywhere, self._reached.everywhere),
                max(told.reachable, self._reached.reachable),
            )
        self._news.set()
        self._news = asyncio.Event()
        for future, number in self._waiting.items():
            outcome = self._outcome(number)
            if outcome is not None and not future.done():
                future.set_result(outcome)
        self._told(self._reached)
