"""A bounded number of renders: so many at once, so many waiting, and a quick no to the rest."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from services.core.errors import Unavailable


class RenderPool:
    """Threads for renders, and places for the requests that want one. A place is taken before any work is done."""

    def __init__(self, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="render")
        self._free = threads + queue

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the length of the context; raises Unavailable when none is free."""
        if self._free == 0:
            raise Unavailable("Too many images are being rendered.", "Try again in a moment.")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def run(self, render: Callable[[], bytes]) -> bytes:
        """Return the result of `render`, run in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, render)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
