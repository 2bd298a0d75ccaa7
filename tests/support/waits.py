"""Waiting for what happens in another process."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest


def wait_until(condition: Callable[[], bool], within: float = 30) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 30) -> None:
    """The same, in an event loop."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - it happens in another process, which sets no event
            await asyncio.sleep(0.02)


async def missed_redis(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until something in this process has found out that Redis is away."""

    async def is_said() -> bool:
        return "redis_down" in caplog.messages

    await eventually(is_said)
