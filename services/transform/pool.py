"""A bounded number of renders: so many at once, so many waiting, and a quick no to the rest."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from services.core.errors import Unavailable

Made = TypeVar("Made")


class Place:
    """The right of one request to render. It is held until its render has ended, also when the request is gone."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self.render: Future[Any] | None = None

    async def run(self, render: Callable[[], Made]) -> Made:
        """Return the result of `render`, run in one of the threads."""
        started = self._executor.submit(render)
        self.render = started
        return await asyncio.wrap_future(started)


class RenderPool:
    """Threads for renders, and places for the requests that want one. A place is taken before any work is done."""

    def __init__(self, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="render")
        self._free = threads + queue

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Take a place for the length of the context; raises Unavailable when none is free."""
        if self._free == 0:
            raise Unavailable("Too many images are being rendered.", "Try again in a moment.")
        self._free -= 1
        place = Place(self._executor)
        loop = asyncio.get_running_loop()
        try:
            yield place
        finally:
            if place.render is None or place.render.done():
                self._release()
            else:
                # A thread cannot be stopped in the middle: until it is done the place is not free.
                place.render.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release))

    def _release(self) -> None:
        self._free += 1

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
