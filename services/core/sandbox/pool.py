"""Children in sandboxes that are used again, because starting one costs ten times as much as most of its work.

A file may have taken over the child that has read it. That child could then give false answers about the next files. So
a child is used for a few files only, and not after any doubt: a refusal, no answer, a late answer, or a source that
broke. If a used child refuses a file, a fresh child is asked again: an earlier file may have damaged the used child.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from services.core.sandbox import Refusal
from services.core.sandbox.process import Answer, Child, NoAnswer, Task, ask, end

USES = 50
"""Sources for one child. A start takes 0.15 s, so 3 ms for each source."""
_IDLE_SECONDS = 60.0
"""A child that is idle for so long is ended: it holds some 40 MB."""

Open = Callable[[], AsyncGenerator[bytes, None]]
"""Opens a source. It may be called twice; each source is closed."""


class Pool:
    """The children of one event loop. There are as many as there are waiting requests."""

    def __init__(self, uses: int = USES, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._uses, self._idle_seconds = uses, idle_seconds
        self._idle: list[tuple[Child, asyncio.TimerHandle]] = []

    async def answer(self, task: Task, open_source: Open) -> Answer:
        """Return the answer to a source; raises Refusal and NoAnswer of a fresh child, and what the source raises."""
        async with aclosing(open_source()) as source:
            first = await anext(source, b"")  # Open it before the child starts: there may be no source.
            used = self._take(task)
            try:
                return await self._ask(used or Child(task), task, first, source)
            except (Refusal, NoAnswer):
                if used is None:
                    raise
        async with aclosing(open_source()) as source:
            first = await anext(source, b"")
            return await self._ask(Child(task), task, first, source)

    def close(self) -> None:
        """End the idle children."""
        while self._idle:
            child, timer = self._idle.pop()
            timer.cancel()
            child.end()

    async def _ask(self, child: Child, task: Task, first: bytes, rest: AsyncIterator[bytes]) -> Answer:
        try:
            answer = await ask(child, task, first, rest)
        except BaseException:
            await end(child)
            raise
        if child.is_last or child.uses >= self._uses:
            await end(child)
        else:
            self._keep(child)
        return answer

    def _take(self, task: Task) -> Child | None:
        for place, (child, timer) in enumerate(self._idle):
            if child.kind == task.kind:
                timer.cancel()
                del self._idle[place]
                return child
        return None

    def _keep(self, child: Child) -> None:
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go, child)
        self._idle.append((child, timer))

    def _let_go(self, child: Child) -> None:
        self._idle = [kept for kept in self._idle if kept[0] is not child]
        child.end()
