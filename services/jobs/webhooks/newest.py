"""The number of the last change, followed once for all who wait for news."""

import asyncio

from services.core.state.cancellation import is_cancelled
from services.core.state.changes import ChangeLog
from services.core.state.connection import BLOCK


class Newest:
    def __init__(self, log: ChangeLog) -> None:
        self._log, self._number = log, 0
        self._news = asyncio.Condition()

    async def follow(self) -> None:
        """Follow the log until cancelled; raises RedisError."""
        while not is_cancelled():
            if await self._log.wait_after(self._number, BLOCK):
                latest = await self._log.latest()
                self._number = latest.number if latest else 0
                async with self._news:
                    self._news.notify_all()

    async def after(self, number: int, seconds: float) -> None:
        """Wait until there is a change after a number, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self._number > number)
        except TimeoutError:
            return
