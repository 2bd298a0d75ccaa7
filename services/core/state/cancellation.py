"""Ending tasks that talk to Redis.

A task gets one CancelledError. redis-py may treat it as its own time-out, or raise another error instead, above all if
Redis goes away at that moment or the process was frozen. So a task that works in a loop checks whether it was
cancelled. Code that ends a task cancels it until the task has ended.
"""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_SECONDS = 0.5


def is_cancelled() -> bool:
    """Say whether the current task has been cancelled, and so must end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and return when all have ended. What they raise is left in them."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_AGAIN_SECONDS)
