"""Ending tasks that talk to Redis.

A task is told once that it is cancelled. redis-py may take that for a time-out of its own, or raise another error in
its place, above all when Redis goes away at that moment or the process was frozen. So whoever works in a loop asks
whether it is to end, and whoever ends a task cancels it as often as it takes.
"""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_SECONDS = 0.5


def is_cancelled() -> bool:
    """Say whether the task that runs has been cancelled, and so is to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and return when all have ended. What they raise is left in them."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_AGAIN_SECONDS)
