"""Waiting for what happens elsewhere, in tests that run in an event loop."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 10) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - it happens in another process, which sets no event
            await asyncio.sleep(0.02)
