"""A bounded number of renders: so many at once, so many waiting, and a quick no to the rest."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.core.errors import Unavailable


class RenderPool:
    def __init__(self, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="render")
        self._free = threads + queue

    async def run(self, render: Callable[[], bytes]) -> bytes:
        """Return the result of `render`, run in a thread; raises Unavailable when too many wait already."""
        if self._free == 0:
            raise Unavailable("Too many images are being rendered.", "Try again in a moment.")
        self._free -= 1
        task = self._executor.submit(render)
        task.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))
        loop = asyncio.get_running_loop()
        return await asyncio.wrap_future(task)

    def _release(self) -> None:
        self._free += 1

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
